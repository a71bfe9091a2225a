package server

import (
	"maps"
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/delivery"
	"github.com/tablecast/tablecast/target"
)

// Metrics are what GET /metrics tells, by the names that EventBridge has for
// them, and what Go and the system tell of the process. What counts events is read from the store at each scrape, so it goes on
// after a restart; invocations and latencies are those of this process.
type metrics struct {
	node        *tablecast.Node
	registry    *prometheus.Registry
	invocations *prometheus.CounterVec
	failed      *prometheus.CounterVec
	throttled   *prometheus.CounterVec
	latency     *prometheus.HistogramVec

	mu     sync.Mutex
	called map[delivery.QueueID]bool // whose attempts have series; guarded by mu
}

var (
	byTarget = []string{"bus", "rule", "target"}

	matchedDesc   = prometheus.NewDesc("tablecast_matched_events_total", "Events that matched a rule, per target.", byTarget, nil)
	deliveredDesc = prometheus.NewDesc("tablecast_delivered_events_total", "Events that a target took.", byTarget, nil)
	deadDesc      = prometheus.NewDesc("tablecast_dead_letter_events", "Events that became dead letters and were not redriven or dropped.", byTarget, nil)
	droppedDesc   = prometheus.NewDesc("tablecast_dropped_events_total", "Events that went with their target, or were dropped as dead letters.", byTarget, nil)
	pendingDesc   = prometheus.NewDesc("tablecast_pending_events", "Events that wait for a target.", byTarget, nil)
	pausedDesc    = prometheus.NewDesc("tablecast_target_paused", "1 while a target failed so often that it is called only now and then.", byTarget, nil)
	lostDesc      = prometheus.NewDesc("tablecast_events_to_missing_buses_total", "Events put to buses that do not exist.", nil, nil)
	lagDesc       = prometheus.NewDesc("tablecast_relay_lag_commits", "Commits between a relay's position and the end of its stream.", []string{"table"}, nil)
	parkedDesc    = prometheus.NewDesc("tablecast_relay_parked_records", "Changes that raised no event because something failed.", []string{"table"}, nil)
)

// newMetrics begins to observe the node; stop ends that.
func newMetrics(node *tablecast.Node) (m *metrics, stop func()) {
	counter := func(name, help string, more ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, append(more, byTarget...))
	}
	m = &metrics{
		node: node, registry: prometheus.NewRegistry(), called: map[delivery.QueueID]bool{},
		invocations: counter("tablecast_invocations_total", "Attempts to deliver, whatever their end."),
		failed:      counter("tablecast_failed_invocations_total", "Attempts that failed, by the code of the failure.", "code"),
		throttled:   counter("tablecast_throttled_invocations_total", "Attempts that the other side put off."),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tablecast_ingestion_to_delivery_seconds", Help: "Time from the acceptance of an event to its delivery.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 24),
		}, byTarget),
	}
	m.registry.MustRegister(m, m.invocations, m.failed, m.throttled, m.latency,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m, node.Watch(tablecast.Observer{Attempted: m.attempted})
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// attempted counts an attempt. mu is held to the end, so that the series that it makes
// are known to forget.
func (m *metrics) attempted(a delivery.Attempt) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.called[a.Queue] = true
	labels := []string{a.Queue.Bus, a.Queue.Rule, a.Queue.Target}
	m.invocations.WithLabelValues(labels...).Inc()
	if a.Err == nil {
		m.latency.WithLabelValues(labels...).Observe(a.Start.Add(a.Took).Sub(a.Queued).Seconds())
		return
	}
	code := delivery.CodeOf(a.Err)
	m.failed.WithLabelValues(append([]string{code}, labels...)...).Inc()
	if code == target.CodeThrottling {
		m.throttled.WithLabelValues(labels...).Inc()
	}
}

// forget deletes the series of attempts of targets that are gone. An attempt that was
// under way when its target went may make them again, until the next scrape.
func (m *metrics) forget(there []delivery.QueueState) {
	m.mu.Lock()
	defer m.mu.Unlock()
	gone := maps.Clone(m.called)
	for i := range there {
		delete(gone, there[i].ID)
	}
	for id := range gone {
		labels := prometheus.Labels{"bus": id.Bus, "rule": id.Rule, "target": id.Target}
		for _, v := range []*prometheus.MetricVec{m.invocations.MetricVec, m.failed.MetricVec, m.throttled.MetricVec, m.latency.MetricVec} {
			v.DeletePartialMatch(labels)
		}
		delete(m.called, id)
	}
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{matchedDesc, deliveredDesc, deadDesc, droppedDesc, pendingDesc, pausedDesc, lostDesc, lagDesc, parkedDesc} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(out chan<- prometheus.Metric) {
	tell := func(d *prometheus.Desc, kind prometheus.ValueType, v uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, kind, float64(v), labels...)
	}
	states := m.node.Queues().States()
	m.forget(states)
	for _, s := range states {
		labels := []string{s.ID.Bus, s.ID.Rule, s.ID.Target}
		tell(matchedDesc, prometheus.CounterValue, s.Matched, labels...)
		tell(deliveredDesc, prometheus.CounterValue, s.Delivered, labels...)
		tell(deadDesc, prometheus.GaugeValue, s.DeadLettered, labels...)
		tell(droppedDesc, prometheus.CounterValue, s.Dropped, labels...)
		tell(pendingDesc, prometheus.GaugeValue, s.Pending(), labels...)
		paused := uint64(0)
		if !s.NextProbe.IsZero() {
			paused = 1
		}
		tell(pausedDesc, prometheus.GaugeValue, paused, labels...)
	}
	tell(lostDesc, prometheus.CounterValue, m.node.Buses().Lost())
	for _, r := range m.node.Relays() {
		tell(lagDesc, prometheus.GaugeValue, r.End-min(r.Position, r.End), r.Table)
		tell(parkedDesc, prometheus.GaugeValue, r.Parked, r.Table)
	}
}
