package schedule

import (
	"errors"
	"testing"
	"time"
)

// The service accepts the first list and rejects the second.
func TestParse(t *testing.T) {
	for _, src := range []string{
		"rate(1 minute)", "rate(5 minutes)", "rate(1 hour)", "rate(2 hours)", "rate(1 day)", "rate(365 days)",
		"cron(0 2 ? * SAT *)", "cron(0 12 * * ? *)", "cron(5,35 14 * * ? *)", "cron(15 10 ? * 6L 2002-2005)", "cron(0 2 ? * SAT#3 *)",
		"cron(* * ? * SAT#3 *)", "cron(0/5 5 ? JAN 1-5 2022)", "cron(15 12 * * ? *)", "cron(0 18 ? * MON-FRI *)", "cron(0 8 1 * ? *)",
		"cron(0/15 * * * ? *)", "cron(0/5 8-17 ? * MON-FRI *)", "cron(0/30 20-23 ? * MON-FRI *)", "cron(0 9 L * ? *)", "cron(0 9 LW * ? *)",
		"cron(0 9 15W * ? *)", "cron(0 9 ? * FRI-MON *)",
	} {
		if _, err := Parse(src); err != nil {
			t.Errorf("%s: %v", src, err)
		}
	}
	for _, src := range []string{
		"rate(10 seconds)", "rate(10 years)", "rate(1 minutes)", "rate(1 hours)", "rate(1 days)", "rate(10 minute)", "rate(10 hour)", "rate(10 day)",
		"rate()", "rate(10)", "rate(10 minutess)", "rate(foo minutes)", "rate(0 minutes)", "rate(-10 minutes)", "rate(10 MINUTES)",
		"rate( 10 minutes )", " rate(10 minutes)", "rate(999999999 days)",
		"cron(0 1 * * * *)", "cron(7 20 * * NOT *)", "cron(INVALID)", "cron(0 dummy ? * MON-FRI *)", "cron(71 8 1 * ? *)",
		"cron(0 1 ? * ? *)", "cron(0 1 ? * 8 *)", "cron(0 1 ? * SAT#6 *)", "cron(0 1 0 * ? *)", "cron(0 1 1 * ? 1969)", "cron(0 1 1 * ? 2005-2002)",
		"cron(0/0 1 1 * ? *)", "cron(0  1 1 * ? *)", "cron(, 1 1 * ? *)", "cron(0 1 1 * ? *", "cron(+1 1 1 * ? *)", "", "at(2026-01-01T00:00:00)",
	} {
		if _, err := Parse(src); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", src, err)
		}
	}
}

// Latest is the last of what Next lists.
func TestLatest(t *testing.T) {
	base := time.Date(2026, 1, 1, 10, 0, 30, 0, time.UTC)
	for _, src := range []string{"rate(7 minutes)", "rate(3 days)", "cron(0/25 * * * ? *)", "cron(0 2 ? * SAT *)", "cron(0 0 29 2 ? *)", "cron(1 1 1 1 ? 2025)"} {
		s, err := Parse(src)
		if err != nil {
			t.Fatal(err)
		}
		for _, passed := range []time.Duration{0, 7 * time.Minute, time.Hour, 30 * time.Hour, 70 * 24 * time.Hour, 200 * 24 * time.Hour} {
			var want time.Time
			for next := s.Next(base, base); !next.IsZero() && !next.After(base.Add(passed)); next = s.Next(base, next) {
				want = next
			}
			if got := s.Latest(base, base, base.Add(passed)); !got.Equal(want) {
				t.Errorf("%s after %v: %v, want %v", src, passed, got, want)
			}
		}
	}
}

func TestNext(t *testing.T) {
	const form = "Mon 2006-01-02 15:04:05"
	for src, want := range map[string][]string{
		"rate(5 minutes)":              {"Thu 2026-01-01 10:05:30", "Thu 2026-01-01 10:10:30"},
		"cron(0 2 ? * SAT *)":          {"Sat 2026-01-03 02:00:00", "Sat 2026-01-10 02:00:00"},
		"cron(5,35 14 * * ? *)":        {"Thu 2026-01-01 14:05:00", "Thu 2026-01-01 14:35:00", "Fri 2026-01-02 14:05:00"},
		"cron(15 10 ? * 6L 2002-2005)": {"never"},
		"cron(0 2 ? * SAT#3 *)":        {"Sat 2026-01-17 02:00:00", "Sat 2026-02-21 02:00:00"},
		"cron(0 0 ? * 6L *)":           {"Fri 2026-01-30 00:00:00", "Fri 2026-02-27 00:00:00"},
		"cron(0/20 10 * * ? *)":        {"Thu 2026-01-01 10:20:00", "Thu 2026-01-01 10:40:00", "Fri 2026-01-02 10:00:00"},
		"cron(0 0 L * ? *)":            {"Sat 2026-01-31 00:00:00", "Sat 2026-02-28 00:00:00"},
		"cron(0 0 LW * ? *)":           {"Fri 2026-01-30 00:00:00", "Fri 2026-02-27 00:00:00"},
		"cron(0 0 1W * ? *)":           {"Mon 2026-02-02 00:00:00", "Mon 2026-03-02 00:00:00", "Wed 2026-04-01 00:00:00", "Fri 2026-05-01 00:00:00", "Mon 2026-06-01 00:00:00", "Wed 2026-07-01 00:00:00", "Mon 2026-08-03 00:00:00"},
		"cron(0 0 29 2 ? *)":           {"Tue 2028-02-29 00:00:00", "Sun 2032-02-29 00:00:00"},
		"cron(0 0 31 FEB ? *)":         {"never"},
		"cron(59 23 31 12 ? 2199)":     {"Tue 2199-12-31 23:59:00", "never"},
		"cron(0 0 ? * FRI-MON *)":      {"Fri 2026-01-02 00:00:00", "Sat 2026-01-03 00:00:00", "Sun 2026-01-04 00:00:00", "Mon 2026-01-05 00:00:00", "Fri 2026-01-09 00:00:00"},
	} {
		s, err := Parse(src)
		if err != nil {
			t.Fatal(err)
		}
		base := time.Date(2026, 1, 1, 10, 0, 30, 0, time.UTC)
		for at, i := base, 0; i < len(want); i++ {
			at = s.Next(base, at)
			got := "never"
			if !at.IsZero() {
				got = at.Format(form)
			}
			if got != want[i] {
				t.Errorf("%s: firing %d at %s, want %s", src, i, got, want[i])
			}
		}
	}
}
