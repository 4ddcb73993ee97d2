package inference

import (
	"strings"
	"testing"

	"burble/inference/chat"
)

func TestShorten(t *testing.T) {
	conversation := func(s string) (list []chat.Message) {
		for _, r := range s {
			list = append(list, chat.Message{Role: map[rune]chat.Role{'s': chat.System, 'u': chat.User, 'a': chat.Assistant}[r], Content: string(r)})
		}
		for i := range list {
			list[i].Content += string(rune('0' + i))
		}
		return list
	}
	for _, c := range []struct {
		in     string
		policy Overflow
		want   string
	}{
		{"suauau", DropOldest, "s0 u3 a4 u5"},
		{"suauau", DropMiddle, "s0 u1 a2 u5"},
		{"suau", DropOldest, "s0 u3"},
		{"suau", DropMiddle, "s0 u1 a2 u3"}, // the first and the last turn stay
		{"su", DropOldest, "s0 u1"},
		{"ausuau", DropOldest, "s2 u3 a4 u5"}, // what stands before the first turn goes with it
		{"suauau", Refuse, "s0 u1 a2 u3 a4 u5"},
		{"", DropOldest, ""},
	} {
		in := conversation(c.in)
		rest, n := Shorten(in, c.policy)
		var got []string
		for _, m := range rest {
			got = append(got, m.Content)
		}
		if strings.Join(got, " ") != c.want || n != len(in)-len(rest) {
			t.Errorf("%s by %d: %v, %d left out", c.in, c.policy, got, n)
		}
	}
}
