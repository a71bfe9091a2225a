// Package schedule parses the schedule expressions of rules, rate(…) and cron(…),
// and computes when they fire.
//
//	rate(N minutes)                          also minute, hour(s), day(s)
//	cron(MINUTES HOURS DAYS MONTHS WEEKDAYS YEARS)
//
// A rate fires every N units after its start, but not at its start.
// The fields of cron are lists of values, ranges a-b, steps a/n, and *; months
// and weekdays have numbers (1 is January, and Sunday) or names of three
// letters. Of days and weekdays exactly one is ?. A day may be L (the last), LW
// (the last weekday) or nW (the weekday nearest to the nth); a weekday may be nL
// (the last of the month) or n#k (the kth). All times are in UTC.
//
// Source: Amazon EventBridge user guide, and what the service accepts and rejects.
package schedule

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// ErrInvalid means that a text is not a schedule expression.
var ErrInvalid = errors.New("schedule: not a schedule expression")

// A Schedule says when a rule fires.
type Schedule struct {
	every time.Duration // of a rate; 0 for cron
	cron  *cron
}

var rateForm = regexp.MustCompile(`^rate\(([0-9]{1,9}) (minute|hour|day)(s?)\)$`)

// Parse reads an expression. Errors: ErrInvalid.
func Parse(src string) (*Schedule, error) {
	if m := rateForm.FindStringSubmatch(src); m != nil {
		n, err := strconv.Atoi(m[1])
		if err != nil || n == 0 || (n == 1) != (m[3] == "") {
			return nil, ErrInvalid
		}
		unit := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}[m[2]]
		if n > int((1<<62)/unit) {
			return nil, ErrInvalid
		}
		return &Schedule{every: time.Duration(n) * unit}, nil
	}
	inside, ok := strings.CutPrefix(src, "cron(")
	if inside, ok = cutSuffix(inside, ")", ok); !ok {
		return nil, ErrInvalid
	}
	c, err := parseCron(inside)
	if err != nil {
		return nil, err
	}
	return &Schedule{cron: c}, nil
}

func cutSuffix(s, suffix string, ok bool) (string, bool) {
	rest, cut := strings.CutSuffix(s, suffix)
	return rest, ok && cut
}

// Next returns the first moment after a time at which a schedule that began at
// base fires; the zero time if there is none.
func (s *Schedule) Next(base, after time.Time) time.Time {
	if s.cron != nil {
		return s.cron.next(after.UTC())
	}
	n := max(after.Sub(base)/s.every, 0)
	if after.Before(base) {
		n = 0
	}
	return base.Add((n + 1) * s.every)
}

// Latest returns the last moment after a time, and not after now, at which a
// schedule that began at base fires; the zero time if there is none.
func (s *Schedule) Latest(base, after, now time.Time) (at time.Time) {
	if s.cron == nil {
		if n := now.Sub(base) / s.every; n > 0 {
			at = base.Add(n * s.every)
		}
		if !at.After(after) {
			return time.Time{}
		}
		return at
	}
	for _, back := range [...]time.Duration{time.Hour, 24 * time.Hour, 32 * 24 * time.Hour, 1<<63 - 1} {
		from := now.Add(-back)
		if from.Before(after) {
			from = after
		}
		for next := s.Next(base, from); !next.IsZero() && !next.After(now); next = s.Next(base, next) {
			at = next
		}
		if !at.IsZero() || from.Equal(after) {
			break
		}
	}
	return at
}
