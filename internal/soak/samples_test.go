package soak

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A sample is what the node says of its process.
type sample struct {
	at                             time.Duration // since the first
	memory, goroutines, descriptor float64
}

func (s sample) String() string {
	return fmt.Sprintf("%.0f MiB, %.0f goroutines, %.0f descriptors", s.memory/(1<<20), s.goroutines, s.descriptor)
}

// sample asks the node's metrics.
func (s *soak) sample(t *testing.T) (out sample) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Endpoint+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	found := 0
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		name, text, _ := strings.Cut(lines.Text(), " ")
		field := map[string]*float64{"process_resident_memory_bytes": &out.memory, "go_goroutines": &out.goroutines, "process_open_fds": &out.descriptor}[name]
		if field == nil {
			continue
		}
		found++
		if *field, err = strconv.ParseFloat(text, 64); err != nil {
			t.Fatal(err)
		}
	}
	if found != 3 {
		t.Skip("this system does not tell a process's memory and descriptors")
	}
	return out
}

// watch takes some hundred samples in d.
func (s *soak) watch(t *testing.T, d time.Duration) (samples []sample) {
	t.Helper()
	begin := time.Now()
	tick := time.NewTicker(d / 300)
	defer tick.Stop()
	for time.Since(begin) < d && !t.Failed() {
		<-tick.C
		next := s.sample(t)
		next.at = time.Since(begin)
		samples = append(samples, next)
	}
	return samples
}

// checkFlat checks that the line fitted to the samples, but for the first third in
// which caches fill, does not rise by more than a tenth of the mean in their time.
func checkFlat(t *testing.T, samples []sample) {
	t.Helper()
	samples = samples[len(samples)/3:]
	for name, value := range map[string]func(sample) float64{
		"memory":      func(s sample) float64 { return s.memory },
		"goroutines":  func(s sample) float64 { return s.goroutines },
		"descriptors": func(s sample) float64 { return s.descriptor },
	} {
		mean, rise := fit(samples, value)
		t.Logf("%s: mean %.0f, rises by %.1f %% in %s", name, mean, 100*rise/mean, samples[len(samples)-1].at-samples[0].at)
		if rise > mean/10 {
			t.Errorf("%s is not flat", name)
		}
	}
}

// fit returns the mean of the samples, and by how much the line of least squares
// rises from the first to the last.
func fit(samples []sample, value func(sample) float64) (mean, rise float64) {
	var x, y, xy, xx float64
	n := float64(len(samples))
	for _, s := range samples {
		x, y = x+s.at.Seconds()/n, y+value(s)/n
	}
	for _, s := range samples {
		dx := s.at.Seconds() - x
		xy, xx = xy+dx*(value(s)-y), xx+dx*dx
	}
	if xx == 0 {
		return y, 0
	}
	return y, xy / xx * (samples[len(samples)-1].at - samples[0].at).Seconds()
}

// TestFit checks the fit on lines that are known.
func TestFit(t *testing.T) {
	var samples []sample
	for i := range 11 {
		samples = append(samples, sample{at: time.Duration(i) * time.Second, memory: 100 + 2*float64(i), goroutines: 7})
	}
	if mean, rise := fit(samples, func(s sample) float64 { return s.memory }); mean < 109.99 || mean > 110.01 || rise < 19.99 || rise > 20.01 {
		t.Errorf("mean %f, rise %f", mean, rise)
	}
	if mean, rise := fit(samples, func(s sample) float64 { return s.goroutines }); mean < 6.99 || mean > 7.01 || rise < -0.01 || rise > 0.01 {
		t.Errorf("mean %f, rise %f", mean, rise)
	}
}

// drain waits until the node has nothing left to do.
func (s *soak) drain(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		status, err := s.Status(ctx)
		if err != nil {
			t.Fatalf("the node does not come to rest: %v", err)
		}
		if status.Drained() {
			return
		}
	}
}

// comesToRest waits until goroutines and descriptors are what they were before the
// load, but for a few, as for files that the store opened meanwhile.
func (s *soak) comesToRest(t *testing.T, before sample) {
	t.Helper()
	http.DefaultClient.CloseIdleConnections()
	s.drain(t)
	const few = 30
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(90 * time.Second) // idle connections end after 60 s
	for range tick.C {
		now := s.sample(t)
		if now.goroutines <= before.goroutines+few && now.descriptor <= before.descriptor+few {
			t.Logf("at rest: %v, before the load: %v", now, before)
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("at rest: %v, before the load: %v", now, before)
		}
	}
}
