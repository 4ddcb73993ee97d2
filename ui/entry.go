package ui

import (
	"math"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// entry is Fyne's entry, with the window's shortcuts: Fyne gives shortcuts to the focused widget alone, so that without
// this Ctrl+N would do nothing while the composer has the focus.
type entry struct {
	widget.Entry
	shortcut func(fyne.Shortcut) bool
	key      func(*fyne.KeyEvent) bool // sees keys first; true: it has used it
	lost     func()                    // the focus has gone elsewhere; may be nil
	gained   func()                    // the focus has come; may be nil
	shift    bool
	paste    func(text string) bool // sees what is pasted first; true: it has used it
	readOnly bool                   // its text can be selected and copied
}

func newEntry(placeholder string, shortcut func(fyne.Shortcut) bool) *entry {
	e := &entry{shortcut: shortcut}
	e.PlaceHolder = placeholder
	e.ExtendBaseWidget(e)
	return e
}

// TypedShortcut gives the window its shortcuts, and the rest to the entry.
func (e *entry) TypedShortcut(s fyne.Shortcut) {
	if e.shortcut != nil && e.shortcut(s) {
		return
	}
	switch s := s.(type) {
	case *fyne.ShortcutPaste:
		if e.readOnly || e.paste != nil && s.Clipboard != nil && e.paste(s.Clipboard.Content()) {
			return
		}
	case *fyne.ShortcutCut:
		if e.readOnly {
			return
		}
	}
	e.Entry.TypedShortcut(s)
}

// KeyDown watches the shift key.
func (e *entry) KeyDown(k *fyne.KeyEvent) {
	if k.Name == desktop.KeyShiftLeft || k.Name == desktop.KeyShiftRight {
		e.shift = true
	}
	e.Entry.KeyDown(k)
}

// KeyUp watches the shift key.
func (e *entry) KeyUp(k *fyne.KeyEvent) {
	if k.Name == desktop.KeyShiftLeft || k.Name == desktop.KeyShiftRight {
		e.shift = false
	}
	e.Entry.KeyUp(k)
}

// FocusGained is Fyne's.
func (e *entry) FocusGained() {
	e.Entry.FocusGained()
	if e.gained != nil {
		e.gained()
	}
}

// FocusLost forgets the shift key: its release goes elsewhere.
func (e *entry) FocusLost() {
	e.shift = false
	e.Entry.FocusLost()
	if e.lost != nil {
		e.lost()
	}
}

// TypedRune takes nothing where the text is for reading.
func (e *entry) TypedRune(r rune) {
	if !e.readOnly {
		e.Entry.TypedRune(r)
	}
}

// TypedKey passes keys on that nobody wanted first.
func (e *entry) TypedKey(k *fyne.KeyEvent) {
	if e.key != nil && e.key(k) {
		return
	}
	if e.shortcut != nil && e.shortcut(&desktop.CustomShortcut{KeyName: k.Name}) {
		return
	}
	e.Entry.TypedKey(k)
}

// AcceptsTab lets Tab go on to what comes next: nobody writes tabs into a message, and the keyboard must not be caught.
func (e *entry) AcceptsTab() bool { return false }

// rows returns about how many lines the text takes in an entry of a width.
func (e *entry) rows(width float32) int {
	size := e.Theme().Size(theme.SizeNameText)
	inner := max(width-4*e.Theme().Size(theme.SizeNameInnerPadding), 40)
	rows := 0
	for line := range strings.SplitSeq(e.Text, "\n") {
		w := fyne.MeasureText(line, size, fyne.TextStyle{}).Width
		rows += max(int(math.Ceil(float64(w*1.03/inner))), 1)
	}
	return rows
}

// keyList is Fyne's list, whose owner sees keys that the list has no use for.
type keyList struct {
	widget.List
	key func(*fyne.KeyEvent) bool
}

func newKeyList(length func() int, create func() fyne.CanvasObject, update func(widget.ListItemID, fyne.CanvasObject), key func(*fyne.KeyEvent) bool) *keyList {
	l := &keyList{key: key}
	l.Length, l.CreateItem, l.UpdateItem, l.HideSeparators = length, create, update, true
	l.ExtendBaseWidget(l)
	return l
}

// TypedKey passes keys on that nobody wanted first.
func (l *keyList) TypedKey(k *fyne.KeyEvent) {
	if !l.key(k) {
		l.List.TypedKey(k)
	}
}
