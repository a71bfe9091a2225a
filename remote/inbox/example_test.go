package inbox_test

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/remote/inbox"
)

// A consumer of EventBridge, as a function or on a queue, does what an event asks
// for once, and returns an error if the event must come again.
func ExampleInbox_Once() {
	url, stop, err := start() // a node; on AWS, give dynamodb.NewFromConfig as the Client
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()
	in := inbox.New(inbox.Options{Client: client(url), Table: "inbox", Prefix: "welcome/"})

	handle := func(ctx context.Context, text string) error {
		var e struct {
			Detail struct {
				Metadata struct {
					EventID string `json:"eventId"`
				} `json:"metadata"`
				Data struct {
					Email string `json:"email"`
				} `json:"data"`
			} `json:"detail"`
		}
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			return err
		}
		return in.Once(ctx, e.Detail.Metadata.EventID, func(context.Context) error {
			fmt.Println("welcome,", e.Detail.Data.Email)
			return nil
		})
	}

	created := `{"detail-type":"UserCreated","detail":{"metadata":{"eventId":"6f1c6b4e-1f2d-8c3a-9b7e-0d5f4a3c2b1a"},"data":{"email":"ada@example.com"}}}`
	fmt.Println(handle(context.Background(), created))
	fmt.Println(handle(context.Background(), created)) // comes twice
	// Output:
	// welcome, ada@example.com
	// <nil>
	// <nil>
}
