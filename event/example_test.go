package event_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/event"
)

// A webhook receives the envelope as the body of a request. It answers 2xx once
// the event is processed; the id tells it an event that comes a second time.
func ExampleParse() {
	seen := map[string]bool{} // a real consumer keeps the ids where its data is
	webhook := func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, event.MaxPutSize))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		e, err := event.Parse(body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest) // a dead letter
			return
		}
		if seen[e.ID] {
			return
		}
		var order struct {
			ID    string `json:"id"`
			Total int    `json:"total"`
		}
		if err := json.Unmarshal(e.Detail, &order); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		seen[e.ID] = true
		fmt.Println(e.DetailType, order.ID, order.Total)
	}
	const body = `{"version":"0","id":"6a7e8feb-b491-4cf7-a9f1-bf3703467718","detail-type":"OrderPlaced","source":"shop",
		"account":"000000000000","time":"2026-11-23T16:40:18Z","region":"us-east-1","resources":[],"detail":{"id":"o-1","total":42}}`
	for range 2 {
		webhook(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/events", strings.NewReader(body)))
	}
	// Output: OrderPlaced o-1 42
}
