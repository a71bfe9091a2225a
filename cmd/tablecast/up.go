package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/internal/keys"
	"github.com/tablecast/tablecast/internal/server"
	"github.com/tablecast/tablecast/internal/telemetry"
)

const (
	defaultListen = "127.0.0.1:4566"
	defaultDir    = ".tablecast"
	// shutdownGrace is how long requests under way may take at the end.
	shutdownGrace = 5 * time.Second
)

// upFlags are the flags of `tablecast up`.
type upFlags struct {
	config, dir, listen string
	account, region     string
	cert, key, clientCA string
	hosts, origins      []string
	json                bool
	aws, strict         bool
	acceptLoss          bool
	secret, nats        string
	backups             string
	allowPrivate        []string
	functionUser        string
	noFunctions         bool
	memory              string
	bytes               int64 // of memory; set by nodeOptions
}

func newUp() *cobra.Command {
	var f upFlags
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Run the node that tablecast.yaml describes",
		Long: `Runs an embedded node until it is interrupted: tables, streams, the bus and all
deliveries on one address and one folder. Without a configuration file the node
is empty and is filled over its APIs. A file that is changed while the node runs
takes effect between two changes of a table; one with faults is refused, and the
one before stays.

` + exitHelp,
		Example: `  tablecast up
  tablecast up --config shop.yaml --dir /var/lib/tablecast
  tablecast up --listen 0.0.0.0:4566 --tls-cert cert.pem --tls-key key.pem`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return up(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), f)
		},
	}
	addConfig(cmd, &f.config)
	cmd.Flags().StringVar(&f.account, "account", "", "`ID` of the account that stands in ARNs and events (default: that of the file, or 000000000000)")
	cmd.Flags().StringVar(&f.region, "region", "", "`NAME` of the region, likewise, which requests must be signed for (default: that of the file, or us-east-1)")
	cmd.Flags().StringVar(&f.dir, "dir", defaultDir, "`FOLDER` of the data")
	cmd.Flags().StringVar(&f.listen, "listen", defaultListen, "`ADDRESS` to listen on; port 0 takes a free one")
	addRemoved(cmd, "auth-keys", "create keys with tablecast keys create; the folder keeps them encrypted")
	cmd.Flags().StringVar(&f.cert, "tls-cert", "", "`FILE` of the TLS certificate")
	cmd.Flags().StringVar(&f.key, "tls-key", "", "`FILE` of the TLS key, readable by its owner alone")
	cmd.Flags().StringVar(&f.clientCA, "tls-client-ca", "", "`FILE` of the CAs of which clients must have a certificate (default: they need none)")
	cmd.Flags().StringSliceVar(&f.hosts, "allow-host", nil, "further host `NAME` that requests may be sent to")
	cmd.Flags().StringSliceVar(&f.origins, "cors", nil, "`ORIGIN` of web pages that may call the node, as http://localhost:3000; the file has them under cors")
	cmd.Flags().BoolVar(&f.aws, "aws", false, "call the services of AWS that rules name, with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, at AWS_ENDPOINT_URL_SQS and so on if set")
	cmd.Flags().StringVar(&f.nats, "nats-creds", "", "`FILE` of credentials for NATS")
	cmd.Flags().BoolVar(&f.strict, "strict-buses", false, "refuse events for buses that do not exist, which AWS answers as a success and loses")
	cmd.Flags().BoolVar(&f.acceptLoss, "accept-loss", false, "open a folder that lost acknowledged commits, or whose WATERMARK is missing, and go on without them")
	cmd.Flags().StringSliceVar(&f.allowPrivate, "allow-private", nil, "private `NETWORK`, as 10.0.0.0/8, that a node with keys may call; without keys it calls all")
	cmd.Flags().BoolVar(&f.noFunctions, "no-functions", false, "let functions be neither created nor changed nor invoked")
	cmd.Flags().StringVar(&f.functionUser, "function-user", "", "`USER` whom functions run as; only root can run them as another")
	cmd.Flags().StringVar(&f.backups, "backups", "", "`FOLDER` below which tablecast backup may have backups written (default: the folder of the data with -backups at its end)")
	cmd.Flags().StringVar(&f.secret, "webhook-secret", "", "`FILE` with a secret that signs the requests of webhooks, readable by its owner alone")
	cmd.Flags().StringVar(&f.memory, "memory", "", "`SIZE` of memory that the node keeps to, as 512MiB or 4GiB (default: GOMEMLIMIT, or half of what the machine or its control group has)")
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON, one object a line")
	return cmd
}

// functionGrants are what functions of a closed node may do with the key that each start
// of the node makes for them.
var functionGrants = []keys.Grant{{Actions: []string{"dynamodb:*", "events:*", "lambda:InvokeFunction"}, Resources: []string{"*"}}}

// up runs a node until ctx ends.
func up(ctx context.Context, out, errOut io.Writer, f upFlags) error {
	file, err := loadConfigFor(f.config, f.account, f.region)
	if err != nil {
		return err
	}
	functions := keys.Fresh("functions", functionGrants...)
	nodeOpts, err := f.nodeOptions()
	if err != nil {
		return usageError{err}
	}
	logger := slog.New(slog.NewTextHandler(errOut, &slog.HandlerOptions{Level: slog.LevelInfo}))
	f.warnOfRoot(logger)
	ring, err := keys.Open(f.dir, logger, functions)
	if err != nil {
		return err
	}
	opts := server.Options{Listen: f.listen, Keys: ring, Cert: f.cert, Key: f.key, ClientCA: f.clientCA, Hosts: f.hosts, Origins: f.origins, Logger: logger, Memory: f.bytes, Refusals: server.NewRefusals()}
	if opts.Backups, err = f.backupFolder(); err != nil {
		return usageError{err}
	}
	if telemetry.Wanted() {
		if opts.Tracer, err = telemetry.Open(); err != nil {
			return usageError{err}
		}
		defer closeTracer(opts.Tracer, logger)
	}
	ln, err := server.Listen(opts)
	if errors.Is(err, server.ErrExposed) || errors.Is(err, server.ErrTLS) {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	if file != nil && (file.Source != config.Embedded || file.Bus != config.Embedded) {
		logger.Warn("the file names a source or a bus elsewhere, which tablecast worker serves; this node runs all of the file by itself", "source", file.Source, "bus", file.Bus)
	}
	nodeOpts.Config, nodeOpts.Logger, nodeOpts.Stdout, nodeOpts.Endpoint = file, logger, out, f.endpoint(ln)
	nodeOpts.PublicTargets = ring.Closed
	nodeOpts.FunctionKey = [2]string{functions.ID, functions.Secret}
	node, err := tablecast.Open(f.dir, nodeOpts)
	if err != nil {
		ln.Close()
		return err
	}
	_, f.region = node.Home()
	if err := announce(out, ln, file, f, ring.Closed()); err != nil {
		logger.Warn("the address could not be printed", "error", err)
	}
	watching, stop := context.WithCancel(ctx)
	var watcher sync.WaitGroup
	watcher.Go(func() { ring.Run(watching) })
	if file != nil {
		watcher.Go(func() { watch(watching, node, file, logger, watchEvery) })
	}
	err = server.Serve(ctx, node, ln, opts, shutdownGrace)
	// The watcher reloads the node, so it ends before the node closes.
	stop()
	watcher.Wait()
	return errors.Join(err, node.Close())
}

// closeTracer exports the spans that are left.
func closeTracer(t *telemetry.Tracer, logger *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownGrace)
	defer cancel()
	if err := t.Close(ctx); err != nil {
		logger.Warn("the last spans are lost", "error", err)
	}
}

// loadConfig reads the named file, or the one that is found; nil if there is
// none.
func loadConfig(path string) (*config.File, error) { return loadConfigFor(path, "", "") }

// loadConfigFor is loadConfig for a node of that account and region, of which either
// may be empty.
func loadConfigFor(path, account, region string) (*config.File, error) {
	if path == "" {
		wd, err := os.Getwd()
		if err != nil {
			return nil, err
		}
		if path = config.Find(wd); path == "" {
			return nil, nil
		}
	}
	f, err := config.LoadFor(path, account, region)
	if errors.Is(err, os.ErrNotExist) {
		return nil, usageError{err}
	}
	return f, err
}

// errNoConfig means that a command needs a configuration file and found none.
var errNoConfig = usageError{errors.New("no tablecast.yaml here or above; name one with --config")}

// needConfig is loadConfig for commands that do nothing without a file.
func needConfig(path string) (*config.File, error) {
	file, err := loadConfig(path)
	if err == nil && file == nil {
		err = errNoConfig
	}
	return file, err
}

// addConfig adds the flag that names the configuration file.
func addConfig(cmd *cobra.Command, path *string) {
	cmd.Flags().StringVarP(path, "config", "c", "", "configuration `FILE` (default: tablecast.yaml here or above)")
}

// endpoint returns the URL of the node that listens, for clients on its machine.
func (f upFlags) endpoint(ln net.Listener) string {
	at := ln.Addr().String()
	if tcp, ok := ln.Addr().(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		at = net.JoinHostPort("127.0.0.1", strconv.Itoa(tcp.Port))
	}
	if f.cert != "" {
		return "https://" + at
	}
	return "http://" + at
}

// announce says where the node listens.
func announce(out io.Writer, ln net.Listener, file *config.File, f upFlags, closed bool) error {
	endpoint := f.endpoint(ln)
	if f.json {
		return writeJSON(out, map[string]any{"ready": map[string]string{"endpoint": endpoint, "dir": f.dir}})
	}
	fmt.Fprintf(out, "tablecast is ready at %s, data in %s\n", endpoint, f.dir)
	if file != nil {
		fmt.Fprintf(out, "%s: %d tables, %d events, %d rules\n", file.Path, len(file.Tables), len(file.Events), len(file.Rules))
	}
	if closed {
		_, err := fmt.Fprintf(out, "requests must be signed with a key of tablecast keys; AWS SDKs and the AWS CLI: export AWS_ENDPOINT_URL=%s AWS_REGION=%s AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=…\n", endpoint, f.region)
		return err
	}
	_, err := fmt.Fprintf(out, "AWS SDKs and the AWS CLI: export AWS_ENDPOINT_URL=%s AWS_REGION=%s AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local\n", endpoint, f.region)
	return err
}
