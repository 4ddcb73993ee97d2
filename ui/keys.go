package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"
)

// Fyne gives keys to the focused widget alone. Those below are Fyne's, and let somebody else see the escape key.

type keySelect struct {
	widget.Select
	escape func(*fyne.KeyEvent)
	gained func() // the focus has come; may be nil
}

func newKeySelect(options []string, escape func(*fyne.KeyEvent)) *keySelect {
	s := &keySelect{escape: escape}
	s.Options = options
	s.ExtendBaseWidget(s)
	return s
}

// TypedKey passes the escape key on.
func (s *keySelect) TypedKey(k *fyne.KeyEvent) {
	if k.Name == fyne.KeyEscape {
		s.escape(k)
		return
	}
	s.Select.TypedKey(k)
}

type keyCheck struct {
	widget.Check
	escape func(*fyne.KeyEvent)
	gained func() // the focus has come; may be nil
}

func newKeyCheck(escape func(*fyne.KeyEvent)) *keyCheck {
	c := &keyCheck{escape: escape}
	c.ExtendBaseWidget(c)
	return c
}

// TypedKey passes the escape key on.
func (c *keyCheck) TypedKey(k *fyne.KeyEvent) {
	if k.Name == fyne.KeyEscape {
		c.escape(k)
		return
	}
	c.Check.TypedKey(k)
}

type keySlider struct {
	widget.Slider
	escape func(*fyne.KeyEvent)
	gained func() // the focus has come; may be nil
}

func newKeySlider(lo, hi float64, escape func(*fyne.KeyEvent)) *keySlider {
	s := &keySlider{escape: escape}
	s.Min, s.Max = lo, hi
	s.ExtendBaseWidget(s)
	return s
}

// TypedKey passes the escape key on.
func (s *keySlider) TypedKey(k *fyne.KeyEvent) {
	if k.Name == fyne.KeyEscape {
		s.escape(k)
		return
	}
	s.Slider.TypedKey(k)
}

// FocusGained is Fyne's.
func (s *keySelect) FocusGained() {
	s.Select.FocusGained()
	if s.gained != nil {
		s.gained()
	}
}

// FocusGained is Fyne's.
func (s *keySlider) FocusGained() {
	s.Slider.FocusGained()
	if s.gained != nil {
		s.gained()
	}
}

// FocusGained is Fyne's.
func (c *keyCheck) FocusGained() {
	c.Check.FocusGained()
	if c.gained != nil {
		c.gained()
	}
}
