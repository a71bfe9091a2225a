package schedule

import (
	"testing"
	"time"
)

// Whatever the expression, the next moment is later, the latest is not, and both
// agree.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"rate(5 minutes)", "rate(999999999 days)", "cron(0/7 1-23/5 ? JAN-MAR MON#2,FRIL *)", "cron(59 23 LW * ? 2199)", "cron(0 0 29 2 ? *)", "cron(* * 31W 2 ? *)"} {
		f.Add(s, int64(1_900_000_000), int64(1_800_000_000))
	}
	f.Add("rate(1 minute)", int64(-1<<40), int64(1<<40))
	f.Fuzz(func(t *testing.T, src string, base, after int64) {
		const span = 1 << 33 // 272 years around 1970
		s, err := Parse(src)
		if err != nil || base < -span || base > span || after < -span || after > span {
			return
		}
		from, at := time.Unix(base, 0).UTC(), time.Unix(after, 0).UTC()
		next := s.Next(from, at)
		if !next.IsZero() && !next.After(at) {
			t.Fatalf("%s: after %s comes %s", src, at, next)
		}
		if latest := s.Latest(from, at, at.Add(40*24*time.Hour)); !latest.IsZero() && (!latest.After(at) || latest.After(at.Add(40*24*time.Hour)) || next.IsZero() || latest.Before(next)) {
			t.Errorf("%s: latest after %s is %s, next %s", src, at, latest, next)
		}
	})
}
