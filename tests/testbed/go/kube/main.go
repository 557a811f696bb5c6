// Command kube is the Kubernetes servers in one binary: its first argument
// says which one to be, the rest are that server's own flags. With
// "service-account-key FILE" it writes the key that they sign tokens with.
package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

// servers maps the name a server is called by to what makes its command.
var servers = map[string]func() *cobra.Command{
	"kube-apiserver":          apiserver.NewAPIServerCommand,
	"kube-controller-manager": controllers.NewControllerManagerCommand,
	"kube-proxy":              proxy.NewProxyCommand,
	"kube-scheduler":          func() *cobra.Command { return scheduler.NewSchedulerCommand() },
	"kubectl":                 kubectl.NewDefaultKubectlCommand,
	"kubelet":                 func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) },
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: kube <server> [flags]")
		os.Exit(2)
	}
	name := os.Args[1]
	if name == "service-account-key" && len(os.Args) == 3 {
		if err := writeServiceAccountKey(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, "kube:", err)
			os.Exit(1)
		}
		return
	}
	make, known := servers[name]
	if !known {
		fmt.Fprintf(os.Stderr, "kube: no server is called %q\n", name)
		os.Exit(2)
	}
	// Each server reads os.Args by itself and expects to be called by its name.
	os.Args = append([]string{name}, os.Args[2:]...)
	os.Exit(cli.Run(make()))
}

// writeServiceAccountKey makes the private key that the API server and the
// controller manager share.
func writeServiceAccountKey(file string) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	return os.WriteFile(file, pem.EncodeToMemory(block), 0o600)
}
