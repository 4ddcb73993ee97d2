package transcript

import (
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"burble/ui/look"
	"burble/ui/markdown"
)

// wheel scrolls as a wheel does. Fyne's own Scrolled starts a timer that hides its bar, which under the test driver would
// run beside the test.
func wheel(v *View, dy float32) {
	s := v.column.scroll
	y := min(max(s.Offset.Y-dy, 0), max(v.column.total-s.Size().Height, 0))
	if y != s.Offset.Y {
		s.Offset.Y = y
		v.column.scrolled(s.Offset)
	}
}

func TestFollowLetsGo(t *testing.T) {
	v, _ := show(t, look.Light, 900, 600)
	v.SetMessages(conversation(20))
	atEnd := func() bool { return v.column.scroll.Offset.Y == v.column.total-v.column.scroll.Size().Height }
	if !v.Following() || !atEnd() {
		t.Fatalf("opens at %v of %v", v.column.scroll.Offset.Y, v.column.total)
	}
	m := Message{ID: 100, Role: Assistant, Status: Streaming, Content: "One."}
	v.SetMessages(append(conversation(20), m))
	text := stream(400)
	m.Content = text[:800]
	v.Update(m)
	if !atEnd() {
		t.Error("the end is not followed while text streams in")
	}
	// The user scrolls up: the view stays where it is, whatever comes.
	wheel(v, 400)
	if v.Following() || !v.latest.Visible() {
		t.Error("scrolling up does not let go")
	}
	top := v.column.scroll.Offset.Y
	m.Content = text
	v.Update(m)
	if got := v.column.scroll.Offset.Y; got != top {
		t.Errorf("the view moved from %v to %v while the user reads", top, got)
	}
	test.Tap(v.latest)
	if !v.Following() || !atEnd() || v.latest.Visible() {
		t.Error("the button does not go back to the end")
	}
	// Scrolling to the end takes hold again.
	wheel(v, 400)
	wheel(v, -5000)
	if !v.Following() {
		t.Error("scrolling to the end does not take hold")
	}
}

// TestScrollUpIsSteady scrolls through messages whose heights are not known yet: what is in view must move by the
// wheel's step and nothing else.
func TestScrollUpIsSteady(t *testing.T) {
	v, _ := show(t, look.Light, 900, 600)
	v.SetMessages(conversation(60))
	for range 200 {
		if v.column.scroll.Offset.Y == 0 {
			break
		}
		var mark fyne.CanvasObject
		var before float32
		for _, o := range v.column.objects {
			if y := o.Position().Y - v.column.scroll.Offset.Y; y > 100 && y < 400 {
				mark, before = o, y
				break
			}
		}
		at := v.column.scroll.Offset.Y
		wheel(v, 50)
		if mark == nil || at < 50 {
			continue
		}
		if moved := mark.Position().Y - v.column.scroll.Offset.Y - before; moved < 49.5 || moved > 50.5 {
			t.Fatalf("a step of 50 moved the text by %v", moved)
		}
	}
	for i, g := range v.column.groups[40:] {
		if g.width == 0 {
			t.Errorf("message %d was passed and never measured", 40+i)
		}
	}
}

func TestOnlyVisibleIsBuilt(t *testing.T) {
	v, _ := show(t, look.Light, 900, 600)
	v.SetMessages(conversation(200))
	built := 0
	for _, g := range v.column.groups {
		if g.message.made {
			built++
		}
	}
	if built == 0 || built > 8 {
		t.Errorf("%d of 200 messages were built for a screenful", built)
	}
	if n := len(v.column.objects); n == 0 || n > 40 {
		t.Errorf("%d blocks are in the tree", n)
	}
}

func TestStreamingKeepsBlocks(t *testing.T) {
	v, _ := show(t, look.Light, 900, 600)
	m := Message{ID: 1, Role: Assistant, Status: Waiting, Waiting: "Reading…"}
	v.SetMessages([]Message{m})
	g := v.column.groups[0]
	if g.message.waiting == nil || len(g.message.cells) != 1 {
		t.Fatal("nothing says that an answer is awaited")
	}
	v.Beat(time.Now())
	m.Status = Streaming
	text := answer + "\n\nLast words."
	var first block
	for n := 1; n <= len(text); n++ {
		m.Content = text[:n]
		v.Update(m)
		if n == 400 {
			first = g.message.cells[1].block
		}
	}
	if g.message.cells[1].block != first {
		t.Error("a finished block was built again")
	}
	m.Status, m.Note = Complete, "12 tokens/s"
	v.Update(m)
	if g.message.cells[1].block != first {
		t.Error("a finished block was built again at the end")
	}
	if g.message.footer == nil || g.message.footer.note.Text != "12 tokens/s" {
		t.Error("no figures below the answer")
	}
	// What was streamed looks like what is opened later.
	other, _ := show(t, look.Light, 900, 600)
	other.SetMessages([]Message{m})
	if a, b := v.column.total, other.column.total; a != b {
		t.Errorf("height %v after streaming, %v when opened", a, b)
	}
}

func TestReasoning(t *testing.T) {
	v, _ := show(t, look.Light, 900, 600)
	m := Message{ID: 1, Role: Assistant, Status: Streaming, Reasoning: "First I think.\n\nThen I think again.", Thought: 2 * time.Second}
	v.SetMessages([]Message{m})
	think := v.column.groups[0].message.think
	if think.title.text.Text != "Thinking… 2 s" || think.open {
		t.Errorf("title %q, open %v", think.title.text.Text, think.open)
	}
	closed := v.column.total
	test.Tap(think.title)
	if v.column.total <= closed {
		t.Error("the reasoning does not open")
	}
	m.Content, m.Thought = "Done.", 3*time.Second
	v.Update(m)
	if think.title.text.Text != "Thought for 3 s" || !think.open {
		t.Errorf("title %q, open %v", think.title.text.Text, think.open)
	}
	test.Tap(think.title)
	if think.open {
		t.Error("it does not close")
	}
}

func TestActions(t *testing.T) {
	v, _ := show(t, look.Light, 900, 600)
	var again, on int64
	var selected string
	v.OnRegenerate = func(id int64) { again = id }
	v.OnContinue = func(id int64) { on = id }
	v.OnSelectText = func(s string) { selected = s }
	v.SetMessages([]Message{{ID: 1, Role: User, Content: "Q"}, {ID: 2, Role: Assistant, Content: "```go\nx := 1\n```", Last: true}})
	m := v.column.groups[1].message
	test.Tap(m.footer.copy)
	if got := fyne.CurrentApp().Clipboard().Content(); got != "```go\nx := 1\n```" {
		t.Errorf("copied %q", got)
	}
	test.Tap(m.footer.again)
	test.Tap(m.footer.choose)
	if again != 2 || selected != m.data.Content {
		t.Errorf("regenerate %d, select %q", again, selected)
	}
	code := m.cells[0].block.(*codeBlock)
	test.Tap(code.copy)
	if code.copy.Text != "Copied" {
		t.Errorf("the button says %q", code.copy.Text)
	}
	v.timers.Fire()
	if code.copy.Text != "Copy" || m.footer.copy.Icon != look.IconCopy {
		t.Error("the buttons do not go back")
	}
	if got := fyne.CurrentApp().Clipboard().Content(); got != "x := 1" {
		t.Errorf("copied code %q", got)
	}
	v.SetMessages([]Message{{ID: 1, Role: User, Content: "Q"}, {ID: 2, Role: Assistant, Content: "Cut", Status: Interrupted, Last: true}})
	test.Tap(m.failure.retry)
	if on != 2 {
		t.Error("an interrupted answer can't be continued")
	}
	v.SetMessages([]Message{{ID: 3, Role: Assistant, Status: Failed, Error: "No.", Last: true}})
	again = 0
	test.Tap(v.column.groups[0].message.failure.retry)
	if again != 3 {
		t.Error("a failed answer can't be tried again")
	}

}

func TestLinks(t *testing.T) {
	v, _ := show(t, look.Light, 900, 600)
	var failed error
	v.OnError = func(err error) { failed = err }
	v.SetMessages([]Message{{ID: 1, Role: Assistant, Content: "[bad](file:///etc/passwd) then"}})
	f := v.column.groups[0].message.cells[0].block.(*flow)
	test.TapAt(f, fyne.NewPos(4, 8))
	if failed == nil || !strings.Contains(failed.Error(), "file:///etc/passwd") {
		t.Errorf("a link to a file was followed: %v", failed)
	}
	failed = nil
	test.TapAt(f, fyne.NewPos(60, 8))
	if failed != nil {
		t.Error("a click beside the link followed it")
	}
}

func TestFlow(t *testing.T) {
	show(t, look.Light, 900, 600)
	lines := func(spans []markdown.Span, width float32) []string {
		f := newFlow(spans, bodyLook(), nil)
		f.heightFor(width)
		var out []string
		for _, r := range f.runs {
			for len(out) <= r.line {
				out = append(out, "")
			}
			out[r.line] += r.text
			if r.x+r.w > width+0.5 {
				t.Errorf("%q ends at %v in a line of %v", r.text, r.x+r.w, width)
			}
		}
		return out
	}
	long := strings.Repeat("word ", 60)
	for width := float32(60); width < 700; width += 37 {
		got := strings.Join(lines([]markdown.Span{{Text: long}}, width), " ")
		if strings.Join(strings.Fields(got), " ") != strings.TrimSpace(long) {
			t.Errorf("width %v: words were lost: %q", width, got)
		}
	}
	// A word is not torn at a change of style; one wider than a line is.
	got := lines([]markdown.Span{{Text: "some text and "}, {Text: "bold", Style: markdown.Bold}, {Text: "ish,"}, {Text: " end"}}, 145)
	if len(got) != 2 || !strings.HasPrefix(got[1], "boldish,") {
		t.Errorf("lines %q", got)
	}
	if got := lines([]markdown.Span{{Text: strings.Repeat("x", 100)}}, 200); strings.Join(got, "") != strings.Repeat("x", 100) || len(got) < 3 {
		t.Errorf("a long word: %q", got)
	}
	if got := lines([]markdown.Span{{Text: "漢字かな交じり文も、折り返します。"}}, 100); len(got) < 2 || strings.HasPrefix(got[1], "、") {
		t.Errorf("Japanese: %q", got)
	}
	if got := lines([]markdown.Span{{Text: "one\n\ntwo"}}, 300); len(got) != 3 || got[1] != "" || got[2] != "two" {
		t.Errorf("breaks: %q", got)
	}
}

// TestNaturalWidth holds a text to one line in the width that it says it needs.
func TestNaturalWidth(t *testing.T) {
	v, _ := show(t, look.Light, 600, 300)
	for _, text := range []string{"AVAVA Wo. To", "请用几种文字写点东西 🙂 and עברית please", "a `code` **b** $x^2$ c", "A → B → C"} {
		f := newFlow(v.parser.Parse(text)[0].Text, bodyLook(), v)
		f.heightFor(f.naturalWidth(1e6) + 1)
		if len(f.lines) != 1 {
			t.Errorf("%q takes %d lines", text, len(f.lines))
		}
	}
}

// TestArrowBlank holds arrows and the blanks after them apart: the font for arrows has no blank.
func TestArrowBlank(t *testing.T) {
	v, _ := show(t, look.Light, 600, 300)
	f := newFlow(v.parser.Parse("A → B ≤ C ⌘ D, `a → b` ✅ e")[0].Text, bodyLook(), v)
	f.heightFor(500)
	var got []string
	for _, r := range f.runs {
		got = append(got, r.text)
	}
	if s, want := strings.Join(got, "|"), "A →| B ≤ C ⌘| D, |a → b| ✅ e"; s != want {
		t.Errorf("%q, want %q", s, want)
	}
}

// TestWideCode draws wide characters in code apart from the others, without losing one.
func TestWideCode(t *testing.T) {
	line := codeLine{{"a 漢字 b🙂かc", "x"}, {"c", "y"}}
	var got []string
	for _, r := range partWide(line) {
		got = append(got, r.text)
	}
	if s, want := strings.Join(got, "|"), "a |漢字| b🙂|か|c|c"; s != want {
		t.Errorf("%q, want %q", s, want)
	}
	if l := (codeLine{{"plain", "x"}}); &partWide(l)[0] != &l[0] {
		t.Error("a line without wide characters is copied")
	}
}

func TestHighlight(t *testing.T) {
	lines := highlight("go", "func f() {\n\treturn \"x\" // y\n}")
	if len(lines) != 3 || lines[0][0].color != look.ColorCodeKeyword {
		t.Errorf("%+v", lines)
	}
	var all strings.Builder
	for i, l := range lines {
		if i > 0 {
			all.WriteByte('\n')
		}
		for _, r := range l {
			all.WriteString(r.text)
		}
	}
	if all.String() != "func f() {\n    return \"x\" // y\n}" {
		t.Errorf("text changed: %q", all.String())
	}
	if got := highlight("no-such-language", "a\n\nb"); len(got) != 3 || got[0][0].text != "a" {
		t.Errorf("%+v", got)
	}
}

// TestCodeWindow holds the part of a long code block that is drawn to the viewport.
func TestCodeWindow(t *testing.T) {
	v, _ := show(t, look.Light, 900, 600)
	v.SetMessages([]Message{{ID: 1, Role: Assistant, Content: "```\n" + strings.Repeat("line of code\n", 3000) + "```"}})
	c := v.column.groups[0].message.cells[0].block.(*codeBlock)
	if n := len(c.text.objects); n == 0 || n > 80 {
		t.Errorf("%d lines are drawn", n)
	}
	if c.text.to != 3000 {
		t.Errorf("lines %d to %d are drawn at the end of 3,000", c.text.from, c.text.to)
	}
}

func TestThemeChange(t *testing.T) {
	v, _ := show(t, look.Light, 900, 600)
	v.SetMessages(conversation(4))
	before := v.column.groups[3].message.cells[0].block.(*flow).texts[0].Color
	fyne.CurrentApp().Settings().SetTheme(look.NewTheme(look.Dark))
	v.Refresh()
	if after := v.column.groups[3].message.cells[0].block.(*flow).texts[0].Color; after == before {
		t.Error("the text keeps the light theme's colour")
	}
}
