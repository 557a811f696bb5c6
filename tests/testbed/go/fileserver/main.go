// Command fileserver serves one folder over HTTP, as a chart repository does.
//
//	fileserver -listen 127.0.0.1:8080 -folder DIR [-username U -password P] [-cert FILE -key FILE [-client-ca FILE]]
package main

import (
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"log"
	"net/http"
	"os"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "address to listen on")
	folder := flag.String("folder", ".", "folder to serve")
	username := flag.String("username", "", "user that basic authentication asks for")
	password := flag.String("password", "", "that user's password")
	cert := flag.String("cert", "", "TLS certificate; plain HTTP without it")
	key := flag.String("key", "", "key of the certificate")
	clientCA := flag.String("client-ca", "", "certificates that those of clients must be signed by")
	flag.Parse()

	handler := logged(http.FileServer(http.Dir(*folder)))
	if *username != "" {
		handler = authenticated(handler, *username, *password)
	}
	server := &http.Server{Addr: *listen, Handler: handler}
	if *clientCA != "" {
		server.TLSConfig = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool(*clientCA)}
	}
	if *cert != "" {
		log.Fatal(server.ListenAndServeTLS(*cert, *key))
	}
	log.Fatal(server.ListenAndServe())
}

func pool(file string) *x509.CertPool {
	text, err := os.ReadFile(file)
	if err != nil {
		log.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		log.Fatalf("no certificate in %s", file)
	}
	return pool
}

// logged writes one line for each request before it is answered.
func logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		log.Println(r.Method, r.URL.Path, r.UserAgent())
		next.ServeHTTP(w, r)
	})
}

// authenticated lets only the one user through.
func authenticated(next http.Handler, username, password string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, p, given := r.BasicAuth()
		same := subtle.ConstantTimeCompare([]byte(u+"\x00"+p), []byte(username+"\x00"+password)) == 1
		if !given || !same {
			w.Header().Set("WWW-Authenticate", `Basic realm="charts"`)
			http.Error(w, "unauthorized", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}
