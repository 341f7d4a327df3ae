package main

// nearest names the candidate that a word was probably meant to be; "" when none is near.
func nearest(word string, candidates []string) string {
	const longest = 64 // beyond that it is no typing slip
	if len(word) > longest {
		return ""
	}
	best, least := "", min(len(word)/2+1, 4)
	for _, c := range candidates {
		if len(c) > longest || c == word {
			continue
		}
		if d := distance(word, c); d < least {
			best, least = c, d
		}
	}
	return best
}

// distance is how many characters must be added, dropped, replaced or swapped with their neighbour
// (Damerau, CACM 7(3), 1964, in the form of optimal string alignment).
func distance(a, b string) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
