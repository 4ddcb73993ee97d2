package model

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// nearest lists the supported architectures that are most like name, for the error about an unknown one.
func nearest(name string) string {
	known := Architectures()
	name = strings.ToLower(name)
	slices.SortStableFunc(known, func(a, b string) int { return cmp.Compare(editDistance(a, name), editDistance(b, name)) })
	const few = 8
	if len(known) <= few {
		return strings.Join(known, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(known[:few], ", "), len(known)-few)
}

// editDistance is the number of insertions, deletions and substitutions that turn a into b (Levenshtein 1966).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
