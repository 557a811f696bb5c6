// Command registry is the OCI registry with the storage drivers and the access
// control that tests use, and none of the cloud ones, which cost minutes. With
// "password-line USER" it reads a password and writes the line of a password
// file that lets this user in.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/distribution/distribution/v3/registry"
	_ "github.com/distribution/distribution/v3/registry/auth/htpasswd"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	"golang.org/x/crypto/bcrypt"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == "password-line" {
		if err := writePasswordLine(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, "registry:", err)
			os.Exit(1)
		}
		return
	}
	if err := registry.RootCmd.Execute(); err != nil {
		os.Exit(1)
	}
}

// writePasswordLine hashes the password that is on standard input.
func writePasswordLine(user string) error {
	password, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	hash, err := bcrypt.GenerateFromPassword(password, bcrypt.MinCost)
	if err != nil {
		return err
	}
	fmt.Printf("%s:%s\n", user, hash)
	return nil
}
