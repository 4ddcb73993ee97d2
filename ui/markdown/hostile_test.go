package markdown

import (
	"strings"
	"testing"
	"time"
)

// TestHostile times texts that are known to make Markdown parsers slow: a model in a loop writes such things, and the
// window must not stop for them.
func TestHostile(t *testing.T) {
	if testing.Short() {
		t.Skip("takes the time of parsing, which the race detector multiplies")
	}
	for _, piece := range []string{"[", "![", "*", "**a", "_a ", "`", "``a`", "<", "<a ", "> ", "- ", "1. ", "|", "|a|b|\n|-|-|\n", "(", "[a](", "[a](b", "~~", "&amp", "\\", "http://", "www.a", "a@b.", "\t", "#", "```\n", "<!--", "a*_"} {
		text := strings.Repeat(piece, 20000/len(piece))
		d := NewDocument(NewParser())
		start := time.Now()
		d.Set(text)
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("20 kB of %q took %v", piece, took)
		}
	}
}

// TestDepth holds nesting to what can be shown: quotes in quotes beyond it lose their frames, not their text.
func TestDepth(t *testing.T) {
	blocks := NewParser().Parse(strings.Repeat("> ", 500) + "text")
	depth := 0
	for len(blocks) == 1 && blocks[0].Kind == Quote {
		blocks = blocks[0].Blocks
		depth++
	}
	if depth == 0 || depth > maxDepth {
		t.Errorf("%d quotes deep", depth)
	}
	if got := outline(blocks); got != "p text" {
		t.Errorf("inside: %s", got)
	}
}
