package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/spf13/cobra"

	"github.com/tablecast/tablecast/internal/local"
	"github.com/tablecast/tablecast/internal/sdkhttp"
)

// clientFlags say how a command trusts a server, and is trusted by it.
type clientFlags struct{ ca, cert, key string }

func (f *clientFlags) add(cmd *cobra.Command) {
	cmd.PersistentFlags().StringVar(&f.ca, "ca", "", "`FILE` of the CAs that the server's certificate may be of (default: AWS_CA_BUNDLE, or the system's)")
	cmd.PersistentFlags().StringVar(&f.cert, "client-cert", "", "`FILE` of the certificate for a server that wants one of its clients")
	cmd.PersistentFlags().StringVar(&f.key, "client-key", "", "`FILE` of the key of --client-cert")
}

// config returns how to call the server at an endpoint, with the credentials of the
// environment, as every SDK of AWS finds them. Loopback needs none.
func (f *clientFlags) config(ctx context.Context, endpoint string, with ...func(*awsconfig.LoadOptions) error) (aws.Config, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		return aws.Config{}, usageError{fmt.Errorf("%s: write http://HOST:PORT", endpoint)}
	}
	if isLoopback(endpoint) && os.Getenv("AWS_ACCESS_KEY_ID") == "" && os.Getenv("AWS_PROFILE") == "" {
		with = append(with, awsconfig.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("local", "local", "")))
	}
	c, err := f.load(ctx, with...)
	c.BaseEndpoint, c.Region = &endpoint, cmp.Or(c.Region, local.Region)
	return c, err
}

// load is config for the endpoints of AWS.
func (f *clientFlags) load(ctx context.Context, with ...func(*awsconfig.LoadOptions) error) (aws.Config, error) {
	client := awshttp.NewBuildableClient()
	if f.cert != "" || f.key != "" {
		own, err := tls.LoadX509KeyPair(f.cert, f.key)
		if err != nil {
			return aws.Config{}, usageError{fmt.Errorf("--client-cert: %w", err)}
		}
		client = client.WithTransportOptions(func(t *http.Transport) { t.TLSClientConfig.Certificates = []tls.Certificate{own} })
	}
	with = append(with, awsconfig.WithHTTPClient(client))
	if f.ca != "" {
		ca, err := os.ReadFile(f.ca)
		if err != nil {
			return aws.Config{}, usageError{fmt.Errorf("--ca: %w", err)}
		}
		with = append(with, awsconfig.WithCustomCABundle(bytes.NewReader(ca)))
	}
	c, err := awsconfig.LoadDefaultConfig(ctx, with...)
	if err != nil {
		return c, usageError{err}
	}
	c.HTTPClient = sdkhttp.Client{HTTPClient: c.HTTPClient}
	if f.cert == "" {
		c.HTTPClient = uncertified{c.HTTPClient}
	}
	return c, nil
}

// An uncertified client has no certificate of its own. A server that wants one refuses
// it only after the handshake of TLS 1.3, and net/http tells either of that or of the
// connection that broke meanwhile, whichever it meets first.
type uncertified struct{ aws.HTTPClient }

// Do sends a request.
func (c uncertified) Do(r *http.Request) (*http.Response, error) {
	resp, err := c.HTTPClient.Do(r)
	broken := errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
	if broken && r.URL.Scheme == "https" {
		err = fmt.Errorf("%w; if the server wants a certificate of its clients, name one with --client-cert and --client-key", err)
	}
	return resp, err
}

// errNoCredentials means that a server elsewhere wants credentials and there are none.
var errNoCredentials = usageError{errors.New("no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE")}

// connect is config for commands that find their server as the environment says.
func (f *clientFlags) connect(ctx context.Context, endpoint string) (aws.Config, error) {
	endpoint = cmp.Or(endpoint, os.Getenv("AWS_ENDPOINT_URL"), defaultURL)
	c, err := f.config(ctx, endpoint)
	if err == nil && !isLoopback(endpoint) && os.Getenv("AWS_ACCESS_KEY_ID") == "" && os.Getenv("AWS_PROFILE") == "" {
		err = errNoCredentials
	}
	return c, err
}

// isLoopback reports whether a URL is one of this machine.
func isLoopback(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}
