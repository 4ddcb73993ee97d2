package ui

import (
	"maps"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/widget"

	"burble/ui/golden"
	"burble/ui/look"
)

func TestLogitBias(t *testing.T) {
	f := newFake()
	f.load()
	w := open(t, f, 1200, 800)
	w.toggleParameters()
	w.params.openRare(true)
	row := parameterNamed(t, w, "Logit bias")
	find := func() (text, value *entry, add *look.Button, values []*entry) {
		entries := in[*entry](row)
		for _, b := range in[*look.Button](row) {
			if b.Text == "Add" {
				add = b
			}
		}
		n := len(entries)
		return entries[n-2], entries[n-1], add, entries[:n-2]
	}
	// Border containers keep the centre first, so the entries are told apart by what they say.
	text, value, add, _ := find()
	if text.PlaceHolder == "" {
		text, value = value, text
	}
	preview := func() string {
		for _, l := range in[*widget.Label](row) {
			if strings.Contains(l.Text, "token") && l.Visible() && !strings.Contains(l.Text, "likelier") {
				return l.Text
			}
		}
		return ""
	}
	bias := func() map[int32]float32 { return effective(t, f, w).Sampling.LogitBias }
	if !add.Disabled() || preview() != "" || undoButton(t, row).Visible() {
		t.Error("there is something to add at first")
	}
	w.win.Canvas().Focus(text)
	test.Type(text, "no way")
	if got := preview(); got != "2 tokens: no·  way" || add.Disabled() {
		t.Errorf("the tokens are %q", got)
	}
	test.Tap(add)
	if want := map[int32]float32{3: -100}; !maps.Equal(bias(), want) || text.Text != "" { // both are three bytes long
		t.Errorf("forbidden: %v, want %v", bias(), want)
	}
	test.Type(text, "gophers")
	value.SetText("2,5")
	text.OnSubmitted(text.Text)
	if want := map[int32]float32{3: -100, 7: 2.5}; !maps.Equal(bias(), want) || !undoButton(t, row).Visible() {
		t.Errorf("then: %v, want %v", bias(), want)
	}
	// What can't be is refused.
	for _, bad := range []string{"", "x", "101", "NaN"} {
		text.SetText("word")
		value.SetText(bad)
		test.Tap(add)
		if len(bias()) != 2 || !strings.Contains(w.toast.text.Text, "from -100 to 100") {
			t.Errorf("%q: %v, %q", bad, bias(), w.toast.text.Text)
		}
	}
	text.SetText(strings.Repeat("a ", tokensAtOnce+1))
	if got := preview(); !add.Disabled() || !strings.Contains(got, "17 tokens; 16") {
		t.Errorf("too many: %q", got)
	}
	text.SetText("")
	// A token's bias is changed, and taken away.
	_, _, _, values := find()
	first := values[0]
	if first.Text != "-100" {
		t.Fatalf("the first token has %q", first.Text)
	}
	w.win.Canvas().Focus(first)
	first.SetText("-3")
	first.OnSubmitted(first.Text)
	if bias()[3] != -3 {
		t.Errorf("changed: %v", bias())
	}
	w.undo()
	if bias()[3] != -100 {
		t.Errorf("after undo: %v", bias())
	}
	text.SetText("gopher hole")
	w.params.scroll.Refresh()
	w.params.scroll.ScrollToOffset(fyne.NewPos(0, w.params.rare.Position().Y+row.Position().Y-200))
	w.toast.hide() // by itself it goes after some seconds
	golden.Match(t, w.win, "parameters-bias")
	text.SetText("")
	var remove []*look.Button
	for _, b := range in[*look.Button](row) {
		if b.Icon == look.IconClose {
			remove = append(remove, b)
		}
	}
	test.Tap(remove[0])
	if want := map[int32]float32{7: 2.5}; !maps.Equal(bias(), want) {
		t.Errorf("taken away: %v", bias())
	}
	test.Tap(undoButton(t, row))
	if bias() != nil || undoButton(t, row).Visible() {
		t.Errorf("reset: %v", bias())
	}
	w.undo() // each by itself
	w.undo()
	if len(bias()) != 2 {
		t.Errorf("after two undos: %v", bias())
	}
	// Without a vocabulary, it says so, and tokens have numbers.
	f.current = nil
	w.showParameters()
	text.SetText("word")
	if got := preview(); !strings.Contains(got, "Only a model file") || !add.Disabled() {
		t.Errorf("without a model: %q", got)
	}
	if l := in[*widget.Label](row); !strings.HasPrefix(l[1].Text, "#") && !strings.HasPrefix(l[0].Text, "#") {
		var all []string
		for _, l := range l {
			all = append(all, l.Text)
		}
		t.Errorf("the tokens are called %q", all)
	}
	press(text, fyne.KeyEscape)
	if w.params.box.Visible() {
		t.Error("Escape does not close the panel")
	}
}
