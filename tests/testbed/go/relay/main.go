// Command relay passes connections on.
//
//	relay tcp:127.0.0.1:4000 unix:/folder/socket
//
// Each connection to the first address is joined to a new one to the second.
// Two of them, one on each side of a network namespace, meet in a socket file:
// that is how something in a namespace without a way out is spoken to.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strings"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: relay LISTEN TARGET, each as tcp:HOST:PORT or unix:FILE")
		os.Exit(2)
	}
	network, address := split(os.Args[1])
	if network == "unix" {
		// Left over when the one before was killed.
		_ = os.Remove(address)
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		log.Fatal(err)
	}
	targetNetwork, target := split(os.Args[2])
	for {
		here, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go func() {
			there, err := net.Dial(targetNetwork, target)
			if err != nil {
				log.Print(err)
				_ = here.Close()
				return
			}
			back := make(chan struct{})
			go func() {
				pass(there, here)
				close(back)
			}()
			pass(here, there)
			<-back
			_ = here.Close()
			_ = there.Close()
		}()
	}
}

// split takes "tcp:HOST:PORT" apart.
func split(text string) (network, address string) {
	network, address, found := strings.Cut(text, ":")
	if !found {
		log.Fatalf("%q has no network in front", text)
	}
	return network, address
}

// halfCloser is what both kinds of connection can do.
type halfCloser interface{ CloseWrite() error }

// pass copies one direction and then says that nothing more comes. An error
// ends both directions: the other side must see it, too.
func pass(from, to net.Conn) {
	_, err := io.Copy(to, from)
	if half, can := to.(halfCloser); can && err == nil {
		_ = half.CloseWrite()
		return
	}
	_ = from.Close()
	_ = to.Close()
}
