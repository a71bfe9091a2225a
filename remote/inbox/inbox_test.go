package inbox_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/internal/server"
	"github.com/tablecast/tablecast/remote/inbox"
)

// table makes a table on a node of its own and returns a client of it.
func table(t testing.TB) *dynamodb.Client {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	node, err := tablecast.Open(t.TempDir(), tablecast.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, node, ln, server.Options{}, time.Second) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-ended, node.Close()); err != nil {
			t.Error(err)
		}
	})
	c := dynamodb.New(dynamodb.Options{Region: "us-east-1", BaseEndpoint: aws.String("http://" + ln.Addr().String()), Credentials: credentials.NewStaticCredentialsProvider("k", "s", "")})
	_, err = c.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: aws.String("inbox"), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("pk"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("pk"), KeyType: types.KeyTypeHash}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func open(c *dynamodb.Client, consumer string, now func() time.Time) *inbox.Inbox {
	return inbox.New(inbox.Options{Client: c, Table: "inbox", Consumer: consumer, Now: now})
}

var errFail = errors.New("no luck")

// What was done is not done again; what failed is; consumers do not share.
func TestOnce(t *testing.T) {
	c := table(t)
	x := open(c, "mailer", nil)
	acts := 0
	act := func(context.Context) error { acts++; return nil }
	if err := x.Once(t.Context(), "e1", func(context.Context) error { return errFail }); !errors.Is(err, errFail) {
		t.Errorf("%v", err)
	}
	for range 3 {
		if err := x.Once(t.Context(), "e1", act); err != nil {
			t.Error(err)
		}
	}
	if err := open(c, "indexer", nil).Once(t.Context(), "e1", act); err != nil || acts != 2 {
		t.Errorf("acted %d times, want once for each consumer: %v", acts, err)
	}
}

// Of many deliveries at once, one acts; the others are done or told to come back.
func TestConcurrentDeliveries(t *testing.T) {
	x := open(table(t), "mailer", nil)
	var acts, busy atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 10 {
				err := x.Once(t.Context(), fmt.Sprint("e", i), func(context.Context) error { acts.Add(1); return nil })
				if errors.Is(err, inbox.ErrBusy) {
					busy.Add(1)
				} else if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if acts.Load() != 10 {
		t.Errorf("acted %d times on 10 events, %d were busy", acts.Load(), busy.Load())
	}
}

// A consumer that dies in the middle holds the event up for the lease, and then
// another acts; the dead one, should it wake up, is told.
func TestDeath(t *testing.T) {
	c := table(t)
	var late atomic.Int64
	x := open(c, "mailer", func() time.Time { return time.Now().Add(time.Duration(late.Load())) })
	err := x.Once(t.Context(), "e1", func(ctx context.Context) error {
		never := func(context.Context) error { t.Error("two act at once"); return nil }
		if err := x.Once(ctx, "e1", never); !errors.Is(err, inbox.ErrBusy) {
			t.Errorf("within the lease: %v", err)
		}
		late.Store(int64(2 * time.Minute))
		return x.Once(ctx, "e1", func(context.Context) error { return nil })
	})
	if !errors.Is(err, inbox.ErrLost) {
		t.Errorf("the one that lost its lease: %v", err)
	}
	if err := x.Once(t.Context(), "e1", func(context.Context) error { t.Error("acted again"); return nil }); err != nil {
		t.Error(err)
	}
	late.Store(int64(8 * 24 * time.Hour))
	acted := false
	if err := x.Once(t.Context(), "e1", func(context.Context) error { acted = true; return nil }); err != nil || !acted {
		t.Errorf("after it was to be forgotten: %t %v", acted, err)
	}
}

// A table that does not answer is an error, and nothing is done.
func TestNoTable(t *testing.T) {
	c := dynamodb.New(dynamodb.Options{Region: "us-east-1", BaseEndpoint: aws.String("http://127.0.0.1:1"), Credentials: aws.AnonymousCredentials{}, Retryer: aws.NopRetryer{}})
	if err := open(c, "mailer", nil).Once(t.Context(), "e1", func(context.Context) error { t.Error("acted"); return nil }); err == nil {
		t.Error("no error")
	}
}

func ExampleInbox_Once() {
	client := dynamodb.New(dynamodb.Options{Region: "eu-west-1"})
	box := inbox.New(inbox.Options{Client: client, Table: "inbox", Consumer: "welcome-email"})
	handle := func(ctx context.Context, eventID, email string) error {
		return box.Once(ctx, eventID, func(ctx context.Context) error {
			fmt.Println("welcome", email)
			return nil
		})
	}
	_ = handle // call it with each event that is delivered
}
