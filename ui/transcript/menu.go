package transcript

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/widget"

	"burble/ui/look"
	"burble/ui/markdown"
)

// menu returns what can be done with a message's text. A message of the user is shown as it was typed, and copied so.
func (v *View) menu(m Message) *fyne.Menu {
	copying := func(label, text string) *fyne.MenuItem {
		return fyne.NewMenuItem(label, func() { v.copyText(text) })
	}
	var items []*fyne.MenuItem
	if m.Role == User {
		items = append(items, copying(lang.L("Copy"), m.Content))
	} else {
		blocks := v.parser.Parse(m.Content)
		items = append(items, copying(lang.L("Copy as text"), markdown.Plain(blocks)), copying(lang.L("Copy as Markdown"), m.Content))
		if code := markdown.AllCode(blocks); code != "" {
			items = append(items, copying(lang.L("Copy code"), code))
		}
	}
	items = append(items, fyne.NewMenuItemSeparator(),
		fyne.NewMenuItem(lang.L("Quote"), func() {
			if v.OnQuote != nil {
				v.OnQuote(m.Content)
			}
		}),
		fyne.NewMenuItem(lang.L("Select text…"), func() {
			if v.OnSelectText != nil {
				v.OnSelectText(m.Content)
			}
		}))
	if v.Actions != nil {
		if more := v.Actions(m.ID); len(more) > 0 {
			items = append(append(items, fyne.NewMenuItemSeparator()), more...)
		}
	}
	return fyne.NewMenu("", items...)
}

// showMenuOf shows a message's menu. It has the focus then: arrows, Return and Escape work.
func (v *View) showMenuOf(m Message, at fyne.Position) {
	if c := fyne.CurrentApp().Driver().CanvasForObject(v); c != nil {
		widget.ShowPopUpMenuAtPosition(v.menu(m), c, at)
	}
}

// TappedSecondary shows the menu of the message under the pointer.
func (v *View) TappedSecondary(e *fyne.PointEvent) { v.showMessageMenu(e.AbsolutePosition) }

func (v *View) showMessageMenu(at fyne.Position) {
	top := fyne.CurrentApp().Driver().AbsolutePositionForObject(v.column).Y
	if g := v.column.at(at.Y - top); g != nil && g.message.data.Content != "" {
		v.showMenuOf(g.message.data, at)
	}
}

// newMore returns the button that shows a message's menu.
func newMore(v *View, m *message) *look.Button {
	var b *look.Button
	b = look.NewIconButton(look.IconMore, func() {
		at := fyne.CurrentApp().Driver().AbsolutePositionForObject(b)
		v.showMenuOf(m.data, at.AddXY(0, b.Size().Height))
	})
	b.Height = 28
	return b
}
