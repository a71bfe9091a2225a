package schedule

import (
	"strconv"
	"strings"
	"time"
)

// A cron is a parsed cron expression. Bit n of a set is set if n is in it.
type cron struct {
	minutes, hours, days, months, weekdays uint64
	years                                  [maxYear - minYear + 1]bool
	anyDay                                 bool // the days are ?; the weekdays count
	lastDay, lastWorkday                   bool // L and LW among the days
	near                                   uint64
	last                                   uint64   // weekdays whose last in the month counts
	nth                                    [8]uint8 // by weekday: a bit for each kth in the month
}

const minYear, maxYear = 1970, 2199

var (
	monthNames = []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}
	dayNames   = []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}
)

// A field is the values that one place of the expression takes.
type field struct {
	low, high int
	names     []string // of low and what follows
}

var (
	minuteField  = field{0, 59, nil}
	hourField    = field{0, 23, nil}
	dayField     = field{1, 31, nil}
	monthField   = field{1, 12, monthNames}
	weekdayField = field{1, 7, dayNames}
	yearField    = field{minYear, maxYear, nil}
)

func parseCron(src string) (*cron, error) {
	parts := strings.Split(src, " ")
	if len(parts) != 6 || (parts[2] == "?") == (parts[4] == "?") {
		return nil, ErrInvalid
	}
	c := &cron{anyDay: parts[2] == "?"}
	ok := minuteField.set(parts[0], into(&c.minutes)) && hourField.set(parts[1], into(&c.hours)) &&
		monthField.set(parts[3], into(&c.months)) && yearField.set(parts[5], func(n int) { c.years[n-minYear] = true })
	if c.anyDay {
		ok = ok && each(parts[4], c.weekday)
	} else {
		ok = ok && each(parts[2], c.day)
	}
	if !ok {
		return nil, ErrInvalid
	}
	return c, nil
}

func into(set *uint64) func(int) { return func(n int) { *set |= 1 << n } }

// each reports whether read takes each member of a list.
func each(list string, read func(string) bool) bool {
	for part := range strings.SplitSeq(list, ",") {
		if !read(part) {
			return false
		}
	}
	return true
}

// day reads a member of the days.
func (c *cron) day(src string) bool {
	switch src {
	case "L":
		c.lastDay = true
		return true
	case "LW":
		c.lastWorkday = true
		return true
	}
	if day, ok := strings.CutSuffix(src, "W"); ok {
		n, ok := dayField.value(day)
		c.near |= 1 << n
		return ok
	}
	return dayField.member(src, into(&c.days))
}

// weekday reads a member of the weekdays.
func (c *cron) weekday(src string) bool {
	if src == "L" {
		src = "SAT"
	}
	if day, ok := strings.CutSuffix(src, "L"); ok {
		n, ok := weekdayField.value(day)
		c.last |= 1 << n
		return ok
	}
	if day, which, ok := strings.Cut(src, "#"); ok {
		n, ok := weekdayField.value(day)
		k, err := strconv.Atoi(which)
		if !ok || err != nil || k < 1 || k > 5 {
			return false
		}
		c.nth[n] |= 1 << k
		return true
	}
	return weekdayField.member(src, into(&c.weekdays))
}

// set reads a list of values, ranges and steps.
func (f field) set(src string, add func(int)) bool {
	return each(src, func(part string) bool { return f.member(part, add) })
}

// member reads a value, a range or a step. A range may go past the highest
// value to the lowest, except that of years.
func (f field) member(src string, add func(int)) bool {
	span, by, stepped := strings.Cut(src, "/")
	step := 1
	if stepped {
		n, err := strconv.Atoi(by)
		if err != nil || n < 1 || n > f.high {
			return false
		}
		step = n
	}
	from, to := f.low, f.high
	if span != "*" {
		first, last, ranged := strings.Cut(span, "-")
		var ok bool
		if from, ok = f.value(first); !ok {
			return false
		}
		if to = from; stepped {
			to = f.high
		}
		if ranged {
			if to, ok = f.value(last); !ok {
				return false
			}
		}
	}
	if to < from {
		if f.low == minYear {
			return false
		}
		to += f.high - f.low + 1
	}
	for n := from; n <= to; n += step {
		add(f.low + (n-f.low)%(f.high-f.low+1))
	}
	return true
}

// value reads a number or a name.
func (f field) value(src string) (int, bool) {
	for i, name := range f.names {
		if strings.EqualFold(src, name) {
			return f.low + i, true
		}
	}
	n, err := strconv.Atoi(src)
	return max(n, 0), err == nil && n >= f.low && n <= f.high && src[0] != '+'
}

// next returns the first moment after t that the expression names.
func (c *cron) next(t time.Time) time.Time {
	t = t.Truncate(time.Minute).Add(time.Minute)
	for day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC); day.Year() <= maxYear; {
		switch {
		case day.Year() < minYear || !c.years[day.Year()-minYear]:
			day = time.Date(day.Year()+1, 1, 1, 0, 0, 0, 0, time.UTC)
			continue
		case c.months>>int(day.Month())&1 == 0:
			day = time.Date(day.Year(), day.Month()+1, 1, 0, 0, 0, 0, time.UTC)
			continue
		case c.onDay(day):
			if at := c.within(day, t); !at.IsZero() {
				return at
			}
		}
		day = day.AddDate(0, 0, 1)
	}
	return time.Time{}
}

// within returns the first moment of a day that is not before t.
func (c *cron) within(day, t time.Time) time.Time {
	for h := range 24 {
		if c.hours>>h&1 == 0 {
			continue
		}
		for m := range 60 {
			if at := day.Add(time.Duration(h*60+m) * time.Minute); c.minutes>>m&1 == 1 && !at.Before(t) {
				return at
			}
		}
	}
	return time.Time{}
}

// onDay reports whether the days or weekdays name a day.
func (c *cron) onDay(day time.Time) bool {
	n, length := day.Day(), daysIn(day)
	weekday := int(day.Weekday()) + 1
	if c.anyDay {
		return c.weekdays>>weekday&1 == 1 || c.last>>weekday&1 == 1 && n+7 > length || c.nth[weekday]>>((n+6)/7)&1 == 1
	}
	if c.days>>n&1 == 1 || c.lastDay && n == length || c.lastWorkday && n == nearest(day, length) {
		return true
	}
	for d := 1; d <= 31; d++ {
		if c.near>>d&1 == 1 && d <= length && n == nearest(day, d) {
			return true
		}
	}
	return false
}

func daysIn(day time.Time) int {
	return time.Date(day.Year(), day.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// nearest returns the weekday, Monday to Friday, that is nearest to the nth of
// the month of a day, in that month.
func nearest(day time.Time, n int) int {
	switch at := time.Date(day.Year(), day.Month(), n, 0, 0, 0, 0, time.UTC); {
	case at.Weekday() == time.Saturday && n == 1:
		return 3
	case at.Weekday() == time.Saturday:
		return n - 1
	case at.Weekday() == time.Sunday && n == daysIn(day):
		return n - 2
	case at.Weekday() == time.Sunday:
		return n + 1
	default:
		return n
	}
}
