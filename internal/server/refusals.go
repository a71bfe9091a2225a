package server

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tablecast/tablecast/internal/awsjson"
)

// Refusals counts the requests and connections that are refused, for GET /metrics. A
// listener and its server share one.
type Refusals struct{ counts *prometheus.CounterVec }

// NewRefusals returns counts of zero.
func NewRefusals() *Refusals {
	r := &Refusals{prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tablecast_refused_requests_total", Help: "Requests that were refused, by the kind of their refusal, and connections that were closed for others (crowded).",
	}, []string{"kind"})}
	for _, kind := range awsjson.Refusals() {
		r.counts.WithLabelValues(kind)
	}
	return r
}

// add counts a refusal. A nil Refusals counts none.
func (r *Refusals) add(kind string) {
	if r != nil {
		r.counts.WithLabelValues(kind).Inc()
	}
}
