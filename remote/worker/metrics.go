package worker

import (
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

var (
	byTable = []string{"table"}
	byShard = []string{"table", "shard"}

	lagDesc       = prometheus.NewDesc("tablecast_worker_lag_seconds", "Age of the oldest change of a shard that may not be dealt with; of the shards of this worker.", byShard, nil)
	trimDesc      = prometheus.NewDesc("tablecast_worker_hours_to_trim", "Hours until that change is lost.", byShard, nil)
	gapsDesc      = prometheus.NewDesc("tablecast_worker_gaps_total", "Times that changes were trimmed before they were read, of all workers.", byTable, nil)
	parkedDesc    = prometheus.NewDesc("tablecast_worker_parked_records", "Changes that raised no event because something failed, and those behind them.", byTable, nil)
	publishedDesc = prometheus.NewDesc("tablecast_worker_published_events_total", "Events that a bus accepted.", nil, nil)
	rejectedDesc  = prometheus.NewDesc("tablecast_worker_rejected_events_total", "Events that a bus will never take.", nil, nil)
	retriedDesc   = prometheus.NewDesc("tablecast_worker_retried_entries_total", "Entries of PutEvents that failed and were tried again.", nil, nil)
	throttledDesc = prometheus.NewDesc("tablecast_worker_throttled_calls_total", "Calls of PutEvents that were throttled.", nil, nil)
	readyDesc     = prometheus.NewDesc("tablecast_worker_ready", "1 while the worker moves, or has nothing to do.", nil, nil)
)

// Describe implements prometheus.Collector.
func (w *Worker) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{lagDesc, trimDesc, gapsDesc, parkedDesc, publishedDesc, rejectedDesc, retriedDesc, throttledDesc, readyDesc} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (w *Worker) Collect(out chan<- prometheus.Metric) {
	tell := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, kind, v, labels...)
	}
	for _, t := range w.tables {
		st := t.reader.Status()
		for _, s := range st.Shards {
			if s.Mine {
				tell(lagDesc, prometheus.GaugeValue, s.Lag.Seconds(), t.name, s.ID)
				tell(trimDesc, prometheus.GaugeValue, s.ToTrim.Hours(), t.name, s.ID)
			}
		}
		tell(gapsDesc, prometheus.CounterValue, float64(st.Gaps), t.name)
		tell(parkedDesc, prometheus.GaugeValue, float64(t.parkedNow.Load()), t.name)
	}
	st := w.publisher.Status()
	tell(publishedDesc, prometheus.CounterValue, float64(st.Published))
	tell(rejectedDesc, prometheus.CounterValue, float64(st.Rejected))
	tell(retriedDesc, prometheus.CounterValue, float64(st.Retried))
	tell(throttledDesc, prometheus.CounterValue, float64(st.Throttled))
	ready := 0.0
	if w.Ready() == nil {
		ready = 1
	}
	tell(readyDesc, prometheus.GaugeValue, ready)
}

// Handler serves /healthz, which answers as long as the process runs, /readyz,
// which fails with the reason when changes are there and nothing moves, and
// /metrics for Prometheus.
func (w *Worker) Handler() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(w)
	pages := http.NewServeMux()
	pages.HandleFunc("GET /healthz", func(out http.ResponseWriter, _ *http.Request) { fmt.Fprintln(out, "ok") })
	pages.HandleFunc("GET /readyz", func(out http.ResponseWriter, _ *http.Request) {
		if err := w.Ready(); err != nil {
			http.Error(out, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(out, "ready")
	})
	pages.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return pages
}
