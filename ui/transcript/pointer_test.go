package transcript

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"burble/ui/look"
	"burble/ui/pointer"
)

// browsing is an app that notes the addresses it is to open.
type browsing struct {
	fyne.App
	opened []string
}

func (b *browsing) OpenURL(u *url.URL) error {
	b.opened = append(b.opened, u.String())
	return nil
}

// TestLinkByPointer clicks on links, on each of their lines, and on the text beside them, as a user does.
func TestLinkByPointer(t *testing.T) {
	v, w := show(t, look.Light, 400, 300)
	b := &browsing{App: fyne.CurrentApp()}
	fyne.SetCurrentApp(b)
	v.SetMessages([]Message{{ID: 1, Role: Assistant, Content: "See [" + strings.Repeat("long link ", 12) + "](https://one.example)."}})
	f := v.column.groups[0].message.cells[0].block.(*flow)
	origin := b.Driver().AbsolutePositionForObject(f)
	in := func(r run) fyne.Position { return origin.AddXY(r.x+r.w/2, f.lines[r.line].top+8) }
	var want []string
	for _, r := range f.runs {
		if f.spans[r.span].Link == "" {
			pointer.Click(w.Canvas(), in(r))
			continue
		}
		want = append(want, "https://one.example")
		if !pointer.Click(w.Canvas(), in(r)) {
			t.Errorf("nothing takes a click on %q", r.text)
		}
	}
	if len(want) < 3 || !slices.Equal(b.opened, want) {
		t.Errorf("opened %q, want %q", b.opened, want)
	}
	for _, r := range f.runs {
		if f.spans[r.span].Link != "" {
			if got := copied(t, w, in(r), 2); got != "https://one.example" {
				t.Errorf("the link's menu copied %q", got)
			}
		}
	}
}

// TestMessageMenuByPointer wants the second button to show a message's menu wherever in the message it is pressed.
func TestMessageMenuByPointer(t *testing.T) {
	v, w := show(t, look.Light, 700, 500)
	v.SetMessages([]Message{{ID: 1, Role: User, Content: "A question"}, {ID: 2, Role: Assistant, Content: "Words\n\n```\ncode\n```\n\n|a|b|\n|-|-|\n|c|d|\n"}})
	driver := fyne.CurrentApp().Driver()
	for i, want := range []string{"A question", "Words\n\ncode\n\na\tb\nc\td"} {
		for _, c := range v.column.groups[i].message.cells {
			if _, ok := c.block.(*footer); ok {
				continue
			}
			if _, ok := c.block.(*ownFooter); ok {
				continue
			}
			at := driver.AbsolutePositionForObject(c.block).AddXY(22, c.h/2)
			if got := copied(t, w, at, 1); got != want {
				t.Errorf("%T: the first item copied %q, want %q", c.block, got, want)
			}
		}
	}
	if o, _ := pointer.At(w.Canvas(), fyne.NewPos(3, 490)); o != fyne.CanvasObject(v) {
		t.Errorf("%T is below the messages", o)
	}
	pointer.ClickSecond(w.Canvas(), fyne.NewPos(3, 490))
	if w.Canvas().Overlays().Top() != nil {
		t.Error("there is a menu where no message is")
	}
}

// copied presses the second button, chooses the n-th item of the menu that appears, and returns what that copied.
func copied(t *testing.T, w fyne.Window, at fyne.Position, n int) string {
	t.Helper()
	clipboard := fyne.CurrentApp().Clipboard()
	clipboard.SetContent("")
	pointer.ClickSecond(w.Canvas(), at)
	menu, ok := w.Canvas().Focused().(*widget.PopUpMenu)
	if !ok {
		o, _ := pointer.At(w.Canvas(), at)
		t.Errorf("no menu appears over %T", o)
		return ""
	}
	for range n {
		menu.TypedKey(&fyne.KeyEvent{Name: fyne.KeyDown})
	}
	menu.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	return clipboard.Content()
}
