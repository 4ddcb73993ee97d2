package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"burble/app"
	"burble/ui/look"
)

// settingsPage is one section of the settings. A section more is a row in settingsPages and a function that fills it, in
// a file of its own; settings_rows.go has the rows.
type settingsPage struct {
	name string
	icon look.Icon
	fill func(*settingsDialog)
}

func settingsPages() []settingsPage {
	return []settingsPage{
		{lang.L("General"), look.IconSettings, (*settingsDialog).general},
		{lang.L("Answers"), look.IconChat, (*settingsDialog).answers},
		{lang.L("Models"), look.IconModel, (*settingsDialog).models},
		{lang.L("Device"), look.IconChip, (*settingsDialog).hardware},
		{lang.L("Privacy"), look.IconShield, (*settingsDialog).privacy},
	}
}

// settingsDialog edits the settings, in sections with a list at the left. What is changed counts at once; there is no button
// to forget.
type settingsDialog struct {
	w       *window
	popup   *widget.PopUp
	note    *widget.Label
	list    *fyne.Container // the page's rows
	scroll  *container.Scroll
	pages   []settingsPage
	buttons []*look.Button // one for each page
	page    int
	rows    []func(app.Values) // bring the rows of the page in line with values

	device     *keySelect
	deviceNote *widget.Label
}

// openSettings opens the settings.
func (w *window) openSettings() {
	if w.settings != nil {
		return
	}
	s := &settingsDialog{w: w, pages: settingsPages(), page: w.settingsPage}
	w.settings = s
	s.build()
	s.popup.Show()
	w.win.Canvas().Focus(s.buttons[s.page])
}

// narrowSettings is a window in which the list at the left has icons alone.
const narrowSettings = 640

func (s *settingsDialog) build() {
	size := s.w.win.Canvas().Size()
	title := widget.NewLabelWithStyle(lang.L("Settings"), fyne.TextAlignLeading, fyne.TextStyle{Bold: true})
	title.SizeName = theme.SizeNameSubHeadingText
	shut := look.NewIconButton(look.IconClose, s.close)
	shut.OnKey = s.escapeKey
	s.note = widget.NewLabel("")
	s.note.Wrapping = fyne.TextWrapWord
	s.note.Importance = widget.DangerImportance
	s.note.Hide()

	side := container.New(layout.NewCustomPaddedVBoxLayout(2))
	for i, p := range s.pages {
		b := look.NewButton(p.icon, p.name, look.Ghost, func() { s.show(i) })
		b.Leading, b.Height = true, 36
		if size.Width < narrowSettings {
			b.Text = ""
		}
		b.OnKey = func(k *fyne.KeyEvent) { s.sideKey(i, k) }
		s.buttons = append(s.buttons, b)
		side.Add(b)
	}

	s.list = container.New(layout.NewCustomPaddedVBoxLayout(4))
	s.scroll = container.NewVScroll(container.New(layout.NewCustomPaddedLayout(0, 8, 4, 14), s.list))
	right := container.NewBorder(s.note, nil, nil, nil, s.scroll)
	left := container.New(layout.NewCustomPaddedLayout(0, 0, 0, 10), side)
	head := container.NewBorder(nil, nil, nil, shut, title)
	content := container.New(layout.NewBorderLayout(head, nil, left, nil), left, right, head) // in the order of Tab
	s.popup = widget.NewModalPopUp(container.New(layout.NewCustomPaddedLayout(8, 8, 12, 8), content), s.w.win.Canvas())
	s.popup.Resize(fyne.NewSize(min(size.Width-32, 800), min(size.Height-32, 620)))
	s.show(s.page)
}

// show shows a page.
func (s *settingsDialog) show(page int) {
	s.page, s.w.settingsPage = page, page
	for i, b := range s.buttons {
		style := look.Ghost
		if i == page {
			style = look.Soft
		}
		b.Set(b.Icon, b.Text, style)
	}
	s.note.Hide()
	s.fill()
	s.scroll.ScrollToTop()
}

// fill makes the page's rows.
func (s *settingsDialog) fill() {
	s.list.RemoveAll()
	s.rows, s.device, s.deviceNote = nil, nil, nil
	s.pages[s.page].fill(s)
	reset := look.NewButton(look.IconUndo, lang.L("Reset to defaults…"), look.Soft, s.reset)
	reset.OnKey = s.escapeKey
	about := look.NewButton(look.Icon{}, lang.L("About Burble"), look.Soft, s.w.showAbout)
	about.OnKey = s.escapeKey
	s.list.Add(container.New(layout.NewCustomPaddedLayout(8, 0, 9, 0), container.NewHBox(reset, about)))
	revealFocus(s.scroll, s.list)
	s.refresh()
	s.list.Refresh()
}

// reset gives all settings their defaults, after a question.
func (s *settingsDialog) reset() {
	dialog.ShowConfirm(lang.L("Reset settings"), lang.L("Give all settings their defaults again?"), func(ok bool) {
		if ok {
			s.update(func(v *app.Values) error { *v = app.Defaults(); return nil })
		}
	}, s.w.win)
}

// refresh brings the page in line with the settings.
func (s *settingsDialog) refresh() {
	v := s.w.b.Settings.Get()
	for _, show := range s.rows {
		show(v)
	}
}

// update changes the settings, and shows what went wrong.
func (s *settingsDialog) update(change func(v *app.Values) error) {
	var wrong error
	err := s.w.b.Settings.Update(func(v *app.Values) {
		before := *v
		if wrong = change(v); wrong != nil {
			*v = before
		}
	})
	if wrong != nil {
		err = wrong
	}
	if err != nil {
		s.note.SetText(sentence(err.Error()))
		s.note.Show()
		return
	}
	s.note.Hide()
	s.refresh()
}

// sideKey goes through the pages by the arrow keys.
func (s *settingsDialog) sideKey(i int, k *fyne.KeyEvent) {
	switch k.Name {
	case fyne.KeyUp:
		i--
	case fyne.KeyDown:
		i++
	default:
		s.escapeKey(k)
		return
	}
	if i >= 0 && i < len(s.buttons) {
		s.w.win.Canvas().Focus(s.buttons[i])
		s.show(i)
	}
}

// escapeKey closes the settings from a widget that has the focus.
func (s *settingsDialog) escapeKey(k *fyne.KeyEvent) {
	if k.Name == fyne.KeyEscape {
		s.close()
	}
}

func (s *settingsDialog) close() {
	s.popup.Hide()
	s.w.settings = nil
	s.w.focusComposer()
}
