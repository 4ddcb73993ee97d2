package transcript

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"burble/ui/look"
)

func press(o fyne.Focusable, name fyne.KeyName) { o.TypedKey(&fyne.KeyEvent{Name: name}) }

// tabStops goes through everything that can have the focus, once.
func tabStops(w fyne.Window) []fyne.Focusable {
	var out []fyne.Focusable
	for range 200 {
		w.Canvas().FocusNext()
		f := w.Canvas().Focused()
		if f == nil || len(out) > 0 && f == out[0] {
			break
		}
		out = append(out, f)
	}
	return out
}

// TestTabOrder reaches the reasoning, links, and the buttons of code by Tab, from top to bottom.
func TestTabOrder(t *testing.T) {
	v, w := show(t, look.Light, 900, 900)
	v.SetMessages([]Message{{ID: 1, Role: Assistant, Reasoning: "Hm.", Thought: time.Second,
		Content: "See [one](https://one.example) and [**two** parts](https://two.example).\n\n```go\nx\n```\n\n- [three](https://three.example)\n\n|a|\n|-|\n|[four](https://four.example)|"}})
	var got []string
	for _, f := range tabStops(w) {
		switch f := f.(type) {
		case *disclosure:
			got = append(got, "reasoning")
		case *linkSpot:
			got = append(got, strings.TrimPrefix(f.address, "https://"))
		case *look.Button:
			got = append(got, "button "+f.Text)
		}
	}
	if s, want := strings.Join(got, ", "), "reasoning, one.example, two.example, button Wrap, button Copy, three.example, four.example"; !strings.HasPrefix(s, want) {
		t.Errorf("Tab goes %s\nwant %s", s, want)
	}
}

// TestLinkByKeys shows a link's address while it has the focus, opens it on Return, and no other than the web's and
// mail's.
func TestLinkByKeys(t *testing.T) {
	v, w := show(t, look.Light, 900, 300)
	var failed error
	v.OnError = func(err error) { failed = err }
	v.SetMessages([]Message{{ID: 1, Role: Assistant, Content: "[one](https://one.example/a/b) and [bad](file:///etc/passwd) ![cat](javascript:alert)"}})
	var spots []*linkSpot
	for _, f := range tabStops(w) {
		if l, ok := f.(*linkSpot); ok {
			spots = append(spots, l)
		}
	}
	if len(spots) != 3 {
		t.Fatalf("%d links", len(spots))
	}
	w.Canvas().Focus(spots[0])
	if !v.address.Visible() || v.address.text.Text != "https://one.example/a/b" || !spots[0].ring.Visible() {
		t.Errorf("the address is %q (shown: %v)", v.address.text.Text, v.address.Visible())
	}
	keep(t, w, "link-focus")
	press(spots[0], fyne.KeyReturn)
	if failed != nil {
		t.Error(failed)
	}
	for _, bad := range spots[1:] {
		failed = nil
		w.Canvas().Focus(bad)
		press(bad, fyne.KeySpace)
		if failed == nil {
			t.Errorf("%s was followed", bad.address)
		}
	}
	w.Canvas().Unfocus()
	if v.address.Visible() {
		t.Error("the address stays without a focus")
	}
	for _, address := range []string{"https://a.b", "http://a.b", "mailto:a@b.c"} {
		opened := false
		if err := openLink(func(*url.URL) error { opened = true; return nil }, address); err != nil || !opened {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, address := range []string{"file:///x", "javascript:x", "smb://x", "data:text/html,x", "x", "//x", "C:\\x.exe", "\x00", "vscode://x"} {
		if err := openLink(func(*url.URL) error { return nil }, address); err == nil {
			t.Errorf("%q was opened", address)
		}
	}
}

// TestHoverShowsAddress shows a link's address while the pointer is over it.
func TestHoverShowsAddress(t *testing.T) {
	v, w := show(t, look.Light, 400, 300)
	v.SetMessages([]Message{{ID: 1, Role: Assistant, Content: "[one](https://one.example/" + strings.Repeat("long/", 60) + "end)"}})
	f := v.column.groups[0].message.cells[0].block.(*flow)
	at := fyne.CurrentApp().Driver().AbsolutePositionForObject(f).AddXY(6, 8)
	test.MoveMouse(w.Canvas(), at)
	if got := v.address.text.Text; !v.address.Visible() || !strings.HasPrefix(got, "https://one.example") || !strings.Contains(got, "…") || v.address.Size().Width > 400 {
		t.Errorf("the address is %q, %v wide", got, v.address.Size().Width)
	}
	test.MoveMouse(w.Canvas(), at.AddXY(0, 200))
	if v.address.Visible() {
		t.Error("the address stays")
	}
}

// TestReasoningByKeys opens and closes the reasoning with the keyboard.
func TestReasoningByKeys(t *testing.T) {
	v, w := show(t, look.Light, 900, 600)
	v.SetMessages([]Message{{ID: 1, Role: Assistant, Reasoning: "I think.", Thought: time.Second, Content: "Done."}})
	think := v.column.groups[0].message.think
	w.Canvas().Focus(think.title)
	press(think.title, fyne.KeyReturn)
	if !think.open {
		t.Error("Return does not open it")
	}
	keep(t, w, "reasoning-focus")
	press(think.title, fyne.KeySpace)
	if think.open {
		t.Error("Space does not close it")
	}
}

// TestScrollKeys moves through a long conversation by keys, wherever in the transcript the focus is.
func TestScrollKeys(t *testing.T) {
	v, w := show(t, look.Light, 900, 500)
	v.SetMessages(conversation(20))
	v.ScrollToEnd()
	end := v.column.scroll.Offset.Y
	if v.Key(&fyne.KeyEvent{Name: fyne.KeyA}) {
		t.Error("a letter moves the transcript")
	}
	for _, c := range []struct {
		key  fyne.KeyName
		want func(before, after float32) bool
	}{
		{fyne.KeyPageUp, func(b, a float32) bool { return a < b-300 }},
		{fyne.KeyDown, func(b, a float32) bool { return a > b && a < b+100 }},
		{fyne.KeyUp, func(b, a float32) bool { return a < b && a > b-100 }},
		{fyne.KeyPageDown, func(b, a float32) bool { return a > b }},
		{fyne.KeyHome, func(_, a float32) bool { return a == 0 }},
		{fyne.KeyEnd, func(_, a float32) bool { return a >= end-1 }},
	} {
		before := v.column.scroll.Offset.Y
		if !v.Key(&fyne.KeyEvent{Name: c.key}) || !c.want(before, v.column.scroll.Offset.Y) {
			t.Errorf("%s moves from %v to %v", c.key, before, v.column.scroll.Offset.Y)
		}
	}
	if !v.Following() {
		t.Error("End does not follow what is added")
	}

	// From a button, keys that don't press it move the transcript; Escape leaves it.
	b := v.column.groups[19].message.footer.copy
	w.Canvas().Focus(b)
	before := v.column.scroll.Offset.Y
	press(b, fyne.KeyPageUp)
	if v.column.scroll.Offset.Y >= before {
		t.Error("PageUp does nothing from a button")
	}
	var passed fyne.KeyName
	v.OnKey = func(k *fyne.KeyEvent) { passed = k.Name }
	press(b, fyne.KeyEscape)
	if w.Canvas().Focused() != nil || passed != fyne.KeyEscape {
		t.Errorf("Escape leaves the focus at %v, and %q is passed on", w.Canvas().Focused(), passed)
	}
}

// TestFocusLast gets to the last message from anywhere.
func TestFocusLast(t *testing.T) {
	v, w := show(t, look.Light, 900, 500)
	v.FocusLast()
	if f := w.Canvas().Focused(); f != nil {
		t.Errorf("in an empty transcript, %T has the focus", f)
	}
	v.SetMessages(conversation(20))
	v.Key(&fyne.KeyEvent{Name: fyne.KeyHome})
	v.FocusLast()
	if f := w.Canvas().Focused(); f != fyne.Focusable(v.column.groups[19].message.footer.copy) || !v.column.atEnd() {
		t.Errorf("%T has the focus", f)
	}
	v.SetMessages(conversation(19))
	v.FocusLast()
	if f := w.Canvas().Focused(); f != fyne.Focusable(v.column.groups[18].message.own.copy) {
		t.Errorf("%T has the focus", f)
	}
}

// TestTabScrolls keeps what has the focus in view.
func TestTabScrolls(t *testing.T) {
	v, w := show(t, look.Light, 900, 500)
	v.SetMessages([]Message{{ID: 1, Role: Assistant, Content: strings.Repeat("[link](https://a.example) and text.\n\n", 60)}})
	press(v.latest, fyne.KeyA)
	v.Key(&fyne.KeyEvent{Name: fyne.KeyHome})
	for i := range 40 {
		w.Canvas().FocusNext()
		o, ok := w.Canvas().Focused().(fyne.CanvasObject)
		if !ok {
			t.Fatalf("after %d, nothing has the focus", i)
		}
		y := fyne.CurrentApp().Driver().AbsolutePositionForObject(o).Y
		if y < 0 || y > 500 {
			t.Fatalf("after %d, the focus is at %v in a window of 500", i, y)
		}
	}
	if v.column.scroll.Offset.Y < 500 {
		t.Errorf("40 links on, the transcript stands at %v", v.column.scroll.Offset.Y)
	}
}

// TestVersionsByKeys goes on through the versions of a message with the key that it was begun with.
func TestVersionsByKeys(t *testing.T) {
	v, w := show(t, look.Light, 900, 600)
	shown := func(version int) []Message {
		return []Message{{ID: int64(version), Role: User, Content: "Q", Version: version, Versions: 3}, {ID: int64(10 + version), Role: Assistant, Content: "A", Last: true}}
	}
	v.SetMessages(shown(3))
	version := 3
	v.OnVersion = func(_ int64, step int) {
		version += step
		v.SetMessages(shown(version))
	}
	w.Canvas().Focus(v.column.groups[0].message.own.version.before)
	for range 2 {
		press(w.Canvas().Focused(), fyne.KeyReturn)
	}
	if version != 1 || w.Canvas().Focused() != fyne.Focusable(v.column.groups[0].message.own.version.before) {
		t.Errorf("version %d, focus on %v", version, w.Canvas().Focused())
	}
	w.Canvas().Focus(v.column.groups[0].message.own.version.after)
	press(w.Canvas().Focused(), fyne.KeyReturn)
	if version != 2 || w.Canvas().Focused() != fyne.Focusable(v.column.groups[0].message.own.version.after) {
		t.Errorf("forward: version %d", version)
	}
}
