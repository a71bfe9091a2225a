package awsjson

import "bytes"

// maxDepth is how deep the JSON of a request may nest. An attribute value of
// 32 levels takes 64 and what stands around it.
const maxDepth = 128

// weigh counts about how many values JSON has; ok is false if brackets nest deeper
// than maxDepth. It looks at signs outside strings alone, whether or not the text is
// JSON.
func weigh(b []byte) (values int, ok bool) {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '{', '[':
			values++
			if depth++; depth > maxDepth {
				return values, false
			}
		case '}', ']':
			depth--
		case ',':
			values++
		case '"':
			i = endOfString(b, i)
		}
	}
	return values, true
}

// endOfString returns where the string that begins at i ends.
func endOfString(b []byte, i int) int {
	for {
		n := bytes.IndexByte(b[i+1:], '"')
		if n < 0 {
			return len(b)
		}
		i += 1 + n
		escapes := 0
		for b[i-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return i
		}
	}
}
