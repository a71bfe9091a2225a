package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/remote/eventbridge"
	"github.com/tablecast/tablecast/remote/worker"
)

const defaultHealth = "127.0.0.1:9464"

// workerFlags are those of `tablecast worker`, and of `tablecast parked`, which may
// be about workers.
type workerFlags struct {
	client                                    clientFlags
	config, source, bus, group, state, region string
	json                                      bool
}

func (f *workerFlags) add(cmd *cobra.Command) {
	f.client.add(cmd)
	flags := cmd.PersistentFlags()
	flags.StringVarP(&f.config, "config", "c", "", "configuration `FILE` (default: tablecast.yaml here or above)")
	flags.StringVar(&f.source, "source", "", "where the tables are: aws or a `URL` (default: source in the file)")
	flags.StringVar(&f.bus, "bus", "", "where the buses are: aws or a `URL` (default: bus in the file)")
	flags.StringVar(&f.group, "group", "tablecast", "`NAME` of the consumer: workers of one group share the changes, groups do not disturb each other")
	flags.StringVar(&f.state, "state", "tablecast-state", "`TABLE` of leases and parked changes, at the source; it is made if it is missing")
	flags.StringVar(&f.region, "region", "", "`REGION` of AWS (default: AWS_REGION, or the profile's)")
	flags.BoolVar(&f.json, "json", false, "print JSON, one object a line")
}

// runFlags are those of `tablecast worker` alone.
type runFlags struct {
	listen, name string
	expose       bool
	maxBytes     string
	failover     time.Duration
	giveUp       time.Duration
}

func newWorker() *cobra.Command {
	var f workerFlags
	var run runFlags
	cmd := &cobra.Command{
		Use:   "worker",
		Short: "Carry changes of tables on AWS to buses on AWS",
		Long: `Reads the streams of tables on Amazon DynamoDB, maps their changes as
tablecast.yaml says, and publishes the events to Amazon EventBridge; or to and
from any endpoints that speak their protocols. Start as many workers as you like:
those of one --group share the shards, and take over from one that dies within
seconds.

A change that cannot be mapped, or whose event is refused for good, is parked in
the --state table with all of its content; later changes of the same item wait
behind it, all others go on. tablecast parked --worker deals with those, whether
workers run or not.

Credentials are found as by every SDK of AWS: the environment, profiles, roles.
--listen serves /healthz, /readyz and /metrics.

Exit statuses:
  0   interrupted
  1   cannot start, or failed while running
  2   wrong usage, or faults in the configuration (all are printed)
  3   a service refuses the credentials, or does not let them do this
  4   the address is in use`,
		Example: `  tablecast worker --source aws --bus aws --region eu-west-1
  tablecast worker --source http://127.0.0.1:4566 --bus aws --group billing`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runWorker(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), &f, &run)
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&run.listen, "listen", defaultHealth, "`ADDRESS` of health and metrics; port 0 takes a free one")
	cmd.Flags().BoolVar(&run.expose, "expose", false, "let --listen be an address that other machines reach; health and metrics are then open to them")
	cmd.Flags().StringVar(&run.name, "name", "", "`NAME` of this worker in logs and leases (default: the host's)")
	cmd.Flags().StringVar(&run.maxBytes, "max-request", "256KB", "`SIZE` of a request of PutEvents: 256KB, or 1MB where EventBridge takes that")
	cmd.Flags().DurationVar(&run.failover, "failover", 10*time.Second, "within what `TIME` the shards of a worker that died move; workers of a group agree on it")
	cmd.Flags().DurationVar(&run.giveUp, "give-up", eventbridge.DefaultGiveUp, "after what `TIME` of failures that come again a change is parked, where the bus fails for its event alone; -1s tries for ever")
	return cmd
}

// open returns the worker that the flags describe.
func (f *workerFlags) open(ctx context.Context, logger *slog.Logger, o worker.Options) (*worker.Worker, *config.File, error) {
	file, err := loadConfig(f.config)
	if err != nil {
		return nil, nil, err
	}
	if file == nil {
		return nil, nil, usageError{errors.New("there is no tablecast.yaml here or above; name one with --config")}
	}
	if err := f.options(ctx, file, &o); err != nil {
		return nil, nil, usageError{err}
	}
	o.Logger = logger
	w, err := worker.New(o)
	if errors.Is(err, worker.ErrNothing) || errors.Is(err, worker.ErrFunction) {
		err = usageError{err}
	}
	return w, file, err
}

func runWorker(ctx context.Context, out, errOut io.Writer, f *workerFlags, run *runFlags) error {
	logger := f.logger(errOut)
	ln, err := run.open()
	if err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "worker"
	}
	o := worker.Options{Name: cmp.Or(run.name, host), Failover: run.failover, GiveUp: run.giveUp}
	var ok bool
	if o.MaxBytes, ok = requestSize(run.maxBytes); !ok {
		return errors.Join(usageError{fmt.Errorf("--max-request is %s; write 256KB or 1MB", run.maxBytes)}, ln.Close())
	}
	if run.failover < time.Second {
		return errors.Join(usageError{fmt.Errorf("--failover is %v; write 1s or more", run.failover)}, ln.Close())
	}
	w, file, err := f.open(ctx, logger, o)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	running, stop := context.WithCancel(ctx)
	srv := awsjson.NewHTTPServer(w.Handler(), logger)
	var serving sync.WaitGroup
	serving.Go(func() { _ = srv.Serve(ln) }) // it ends by Close
	defer func() {
		stop()
		srv.Close()
		serving.Wait()
	}()
	if err := w.Prepare(running); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	f.announce(out, ln, file)
	return w.Run(running)
}

// logger returns the log of a worker.
func (f *workerFlags) logger(w io.Writer) *slog.Logger {
	if f.json {
		return slog.New(slog.NewJSONHandler(w, nil))
	}
	return slog.New(slog.NewTextHandler(w, nil))
}

// open opens the address of health and metrics, which others reach only if that
// is asked for.
func (r *runFlags) open() (net.Listener, error) {
	host, _, err := net.SplitHostPort(r.listen)
	if err != nil {
		return nil, usageError{fmt.Errorf("--listen: %w", err)}
	}
	ip := net.ParseIP(host)
	if host != "localhost" && (ip == nil || !ip.IsLoopback()) && !r.expose {
		return nil, usageError{fmt.Errorf("other machines reach %s: add --expose if they may read health and metrics, or listen on 127.0.0.1", r.listen)}
	}
	return net.Listen("tcp", r.listen)
}

func requestSize(text string) (int, bool) {
	switch text {
	case "256KB":
		return 256 << 10, true
	case "1MB":
		return 1 << 20, true
	}
	return 0, false
}

// announce says that the worker runs.
func (f *workerFlags) announce(out io.Writer, ln net.Listener, file *config.File) {
	url := "http://" + ln.Addr().String()
	if f.json {
		_ = writeJSON(out, map[string]any{"ready": map[string]string{"health": url, "group": f.group, "state": f.state}})
		return
	}
	fmt.Fprintf(out, "tablecast worker of group %s runs: %d events of %s; health at %s/readyz, metrics at %s/metrics\n", f.group, len(file.Events), file.Path, url, url)
}
