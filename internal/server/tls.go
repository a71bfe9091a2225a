package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
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
	if info, err := os.Stat(o.Key); err == nil && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%w: %s is open to others (mode %04o); write chmod 600 %s", ErrTLS, o.Key, info.Mode().Perm(), o.Key)
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
