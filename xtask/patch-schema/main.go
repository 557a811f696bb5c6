// Writes how the built-in kinds are merged: for every kind that client-go
// knows, which fields hold objects and lists, and by which strategy and key a
// strategic merge patch merges them. The engine carries the result as a table.
package main

import (
	"bufio"
	"fmt"
	"os"
	"reflect"
	"sort"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
)

// table numbers the struct types in the order in which they are met.
type table struct {
	numbers map[reflect.Type]int
	lines   []string
}

func main() {
	known := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{scheme.AddToScheme, apiextensionsv1.AddToScheme} {
		if err := add(known); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	kinds := map[string]reflect.Type{}
	for gvk, t := range known.AllKnownTypes() {
		field, ok := t.FieldByName("ObjectMeta")
		if !ok || !field.Anonymous || gvk.Version == runtime.APIVersionInternal {
			continue
		}
		kinds[gvk.GroupVersion().String()+" "+gvk.Kind] = t
	}
	names := make([]string, 0, len(kinds))
	for name := range kinds {
		names = append(names, name)
	}
	sort.Strings(names)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	types := table{numbers: map[reflect.Type]int{}}
	for _, name := range names {
		fmt.Fprintln(out, name, types.number(kinds[name]))
	}
	fmt.Fprintln(out)
	for _, line := range types.lines {
		fmt.Fprintln(out, line)
	}
}

func (t *table) number(struct_ reflect.Type) int {
	if n, ok := t.numbers[struct_]; ok {
		return n
	}
	n := len(t.lines)
	t.numbers[struct_] = n
	t.lines = append(t.lines, "")
	words := []string{struct_.Name()}
	for _, field := range fields(struct_) {
		shape := t.shape(field.Type)
		if shape == "" {
			continue
		}
		word := jsonName(field) + ":" + shape
		if strategy := field.Tag.Get("patchStrategy"); strategy != "" {
			word += "!" + strategy
		}
		if key := field.Tag.Get("patchMergeKey"); key != "" {
			word += "@" + key
		}
		words = append(words, word)
	}
	t.lines[n] = strings.Join(words, " ")
	return n
}

// shape is empty for what JSON shows as neither object nor list.
func (t *table) shape(of reflect.Type) string {
	switch of.Kind() {
	case reflect.Pointer:
		return t.shape(of.Elem())
	case reflect.Struct:
		return fmt.Sprint(t.number(of))
	case reflect.Map:
		return "m"
	case reflect.Slice, reflect.Array:
		if of.Elem().Kind() == reflect.Uint8 {
			return ""
		}
		if element := t.shape(of.Elem()); element != "" {
			return "l" + element
		}
		return "l-"
	default:
		return ""
	}
}

// fields are those that JSON shows, embedded structs taken apart.
func fields(of reflect.Type) []reflect.StructField {
	var all []reflect.StructField
	for i := range of.NumField() {
		field := of.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case name == "-":
		case field.Anonymous && name == "":
			embedded := field.Type
			if embedded.Kind() == reflect.Pointer {
				embedded = embedded.Elem()
			}
			if embedded.Kind() == reflect.Struct {
				all = append(all, fields(embedded)...)
			}
		case field.IsExported():
			all = append(all, field)
		}
	}
	return all
}

func jsonName(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	if name == "" {
		return field.Name
	}
	return name
}
