package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/spf13/cobra"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/internal/local"
	"github.com/tablecast/tablecast/internal/server"
)

// demoFlags are the flags of `tablecast demo`.
type demoFlags struct {
	users  int
	rate   float64
	exit   bool
	json   bool
	listen string
	dir    string
}

func newDemo() *cobra.Command {
	var f demoFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See a user inserted become UserCreated at a consumer",
		Long: `Starts an embedded node with a table, a bus, a rule and a consumer, inserts users
through the AWS SDK for Go over HTTP, and shows each hop of each event with the
time it took. The node then stays up, to go on by hand with the AWS CLI.

` + exitHelp,
		Example: `  tablecast demo
  tablecast demo --users 1000 --rate 0 --exit
  tablecast demo --exit --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.users < 1 || f.rate < 0 {
				return usageError{errors.New("--users must be at least 1 and --rate not negative")}
			}
			return demo(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), f)
		},
	}
	cmd.Flags().IntVar(&f.users, "users", 10, "how many users are inserted")
	cmd.Flags().Float64Var(&f.rate, "rate", 4, "users a second; 0 is as fast as it goes")
	cmd.Flags().BoolVar(&f.exit, "exit", false, "stop after the summary")
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON, one object a hop, the summary last")
	cmd.Flags().StringVar(&f.listen, "listen", defaultListen, "`ADDRESS` to listen on; port 0 takes a free one")
	cmd.Flags().StringVar(&f.dir, "dir", "", "`FOLDER` of the data (default: a temporary one, removed at the end)")
	return cmd
}

const demoConfig = `tables:
  users: { key: id, stream: new-image }
buses: [main]
events:
  UserCreated: { from: users, on: insert, source: myapp.users, bus: main }
rules:
  user-created:
    bus: main
    pattern: {"source":["myapp.users"],"detail-type":["UserCreated"]}
    targets:
      - webhook: http://%s/welcome
`

// demo tells the story of the project once.
func demo(ctx context.Context, out, errOut io.Writer, f demoFlags) error {
	story := newStory(out, f.json)
	story.starting()
	if f.dir == "" {
		dir, err := os.MkdirTemp("", "tablecast-demo-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		f.dir = dir
	}
	consumer, err := startConsumer(story)
	if err != nil {
		return err
	}
	defer consumer.Close()
	file, err := config.Parse("demo.yaml", fmt.Appendf(nil, demoConfig, consumer.Addr))
	if err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(errOut, &slog.HandlerOptions{Level: slog.LevelWarn}))
	opts := server.Options{Listen: f.listen, Logger: logger}
	ln, err := server.Listen(opts)
	if err != nil {
		return err
	}
	node, err := tablecast.Open(f.dir, tablecast.Options{Config: file, Logger: logger, Observer: story.observer()})
	if err != nil {
		ln.Close()
		return err
	}
	serving, stop := context.WithCancel(ctx)
	defer stop()
	served := make(chan error, 1)
	go func() { served <- server.Serve(serving, node, ln, opts, shutdownGrace) }()
	story.begin("http://"+ln.Addr().String(), consumer.Addr)
	before := node.Stats().Syncs
	err = insertUsers(ctx, "http://"+ln.Addr().String(), story, f)
	if err == nil {
		err = node.AwaitQuiet(ctx)
	}
	if err == nil {
		story.summary("http://"+ln.Addr().String(), node.Stats().Syncs-before)
		if !f.exit {
			story.staying()
			<-ctx.Done()
		}
	}
	stop()
	if ctx.Err() != nil {
		err = nil // interrupted, as asked
	}
	return errors.Join(err, <-served, node.Close())
}

// startConsumer runs a small HTTP server that takes every event.
func startConsumer(s *story) (*http.Server, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	srv := &http.Server{
		Addr: ln.Addr().String(), ReadHeaderTimeout: 5 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(io.LimitReader(r.Body, 1<<21))
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			s.arrived(body, time.Now())
			w.WriteHeader(http.StatusNoContent)
		}),
	}
	go func() { _ = srv.Serve(ln) }() // ends with Close
	return srv, nil
}

// insertUsers writes users as a service would: it knows the table and nothing
// else.
func insertUsers(ctx context.Context, endpoint string, s *story, f demoFlags) error {
	client := dynamodb.New(dynamodb.Options{
		BaseEndpoint: aws.String(endpoint), Region: local.Region,
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
	var tick <-chan time.Time
	if f.rate > 0 {
		t := time.NewTicker(time.Duration(float64(time.Second) / f.rate))
		defer t.Stop()
		tick = t.C
	}
	for i := range f.users {
		if i > 0 && tick != nil {
			select {
			case <-tick:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		user := newUser(i)
		start := time.Now()
		s.writing(user["id"])
		item := map[string]types.AttributeValue{}
		for name, value := range user {
			item[name] = &types.AttributeValueMemberS{Value: value}
		}
		if _, err := client.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String("users"), Item: item}); err != nil {
			return fmt.Errorf("insert: %w", err)
		}
		s.written(user, start, time.Now())
	}
	return nil
}

var demoNames = []string{"ada", "grace", "edsger", "barbara", "donald", "frances", "leslie", "radia", "tony", "margaret"}

func newUser(i int) map[string]string {
	name := demoNames[i%len(demoNames)]
	if i >= len(demoNames) {
		name = fmt.Sprintf("%s%d", name, i/len(demoNames)+1)
	}
	return map[string]string{
		"id": fmt.Sprintf("u-%08x", rand.Uint32()), "username": name, "email": name + "@example.com",
		"avatar":       "https://avatars.example.com/" + name + ".png",
		"birthdate":    fmt.Sprintf("%d-%02d-%02d", 1950+i%50, 1+i%12, 1+i%28),
		"registeredAt": time.Now().UTC().Format(time.RFC3339),
	}
}
