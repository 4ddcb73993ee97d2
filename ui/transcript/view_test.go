package transcript

import (
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"burble/ui/look"
)

// answer has one of everything.
const answer = "`strings.Cut` slices *s* around the **first** instance of `sep`, returning the text before and after it.\n\n" +
	"```go\nfunc Cut(s, sep string) (before, after string, found bool) {\n\tif i := Index(s, sep); i >= 0 {\n\t\treturn s[:i], s[i+len(sep):], true // found\n\t}\n\treturn s, \"\", false\n}\n```\n\n" +
	"## When to use it\n\n- Splitting `key=value` pairs, where a `vector<int>` or <b>tag</b> stays as it is, however long the line may become in the end\n- Headers\n  1. nested one\n  2. nested two\n- [x] done\n- [ ] open\n\n" +
	"> The found result reports whether sep appears in s. If sep does not appear in s, cut returns s, \"\", false.\n\n" +
	"| Function | Result | Since |\n|---|:-:|--:|\n| `Cut` | before, after, found | 1.18 |\n| `SplitN` | a slice | 1.0 |\n\n---\n\nSee [the documentation](https://pkg.go.dev/strings#Cut) or https://go.dev/blog for more. 漢字かな交じり文も、折り返します。🙂\n"

func show(t testing.TB, mode look.Mode, w, h float32) (*View, fyne.Window) {
	t.Helper()
	app := test.NewTempApp(t)
	app.Settings().SetTheme(look.NewTheme(mode))
	timers := look.NewTimers()
	timers.Hold()
	v := NewView(timers)
	v.slowParse = time.Hour // a machine that is busy is no text that is slow to parse
	win := test.NewTempWindow(t, v)
	win.SetPadded(false)
	win.Resize(fyne.NewSize(w, h))
	return v, win
}

// keep writes a picture of the window to the folder named in BURBLE_SHOTS, for people to look at.
func keep(t testing.TB, w fyne.Window, name string) {
	dir := os.Getenv("BURBLE_SHOTS")
	if dir == "" {
		return
	}
	f, err := os.Create(filepath.Join(dir, name+".png"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, w.Canvas().Capture()); err != nil {
		t.Fatal(err)
	}
}

func TestLook(t *testing.T) {
	for _, mode := range []look.Mode{look.Light, look.Dark} {
		v, w := show(t, mode, 900, 1250)
		v.SetMessages([]Message{
			{ID: 1, Role: User, Content: "What does strings.Cut do?"},
			{ID: 2, Role: Assistant, Content: answer, Reasoning: "The user asks.\n\nAnswer **briefly**.", Thought: 3 * time.Second, Note: "38.2 tokens/s · 120 tokens"},
			{ID: 3, Role: User, Content: "Thanks! And a longer question that will have to wrap onto a second line, because it goes on and on?\nWith a second line."},
			{ID: 4, Role: Assistant, Status: Failed, Error: "The context is full: the conversation needs 4,310 tokens and the model holds 4,096. Start a new chat, or raise the context size in the settings.", Last: true},
		})
		keep(t, w, "transcript-"+string(mode))
	}
}

func conversation(n int) []Message {
	var ms []Message
	for i := range n {
		if i%2 == 0 {
			ms = append(ms, Message{ID: int64(i + 1), Role: User, Content: fmt.Sprintf("Question %d about strings and things?", i)})
			continue
		}
		ms = append(ms, Message{ID: int64(i + 1), Role: Assistant, Content: strings.ReplaceAll(answer, "first", fmt.Sprintf("%dth", i)), Note: "12 tokens/s"})
	}
	return ms
}

// stream is an answer of about n tokens as it grows.
func stream(n int) string {
	var b strings.Builder
	for b.Len() < n*4 {
		b.WriteString(answer)
		b.WriteString("\n")
	}
	return b.String()[:n*4]
}
