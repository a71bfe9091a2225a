package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/tablecast/tablecast/internal/seal"
)

// ErrTLS means that the files of TLS cannot be used: one is missing or damaged, or others
// than its owner may read the key.
var ErrTLS = errors.New("server: TLS")

// tlsConfig returns what a server with a certificate listens with; nil without one.
// Errors: ErrTLS.
func (o *Options) tlsConfig() (*tls.Config, error) {
	if o.Cert == "" && o.Key == "" {
		if o.ClientCA != "" {
			return nil, fmt.Errorf("%w: certificates of clients need --tls-cert and --tls-key", ErrTLS)
		}
		return nil, nil
	}
	if info, err := os.Stat(o.Key); err == nil { // what is missing is told below
		if err := seal.OwnerAlone(o.Key, info); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrTLS, err)
		}
	}
	cert, err := tls.LoadX509KeyPair(o.Cert, o.Key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTLS, err)
	}
	c := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	if o.ClientCA == "" {
		return c, nil
	}
	pem, err := os.ReadFile(o.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTLS, err)
	}
	c.ClientCAs, c.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	if !c.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%w: %s has no certificate", ErrTLS, o.ClientCA)
	}
	return c, nil
}
