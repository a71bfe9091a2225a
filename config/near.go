package config

// nearest returns the candidate that differs least from s, if it is close.
func nearest(s string, candidates []string) string {
	best, at := "", min(max(len(s)/3, 1)+1, len(s))
	for _, c := range candidates {
		if d := distance(s, c); d < at {
			best, at = c, d
		}
	}
	return best
}

// distance is the number of edits between two words: a byte put in, left out or
// replaced, or two neighbours swapped.
func distance(a, b string) int {
	var before, above []int // rows i-2 and i-1 of the table of distances
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, above, row = above, row, make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			differs := 0
			if a[i-1] != b[j-1] {
				differs = 1
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+differs)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
