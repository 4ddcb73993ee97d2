package ui

import (
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"burble/app"
	"burble/ui/look"
)

// sidebar lists the chats, newest first, with a search field above.
type sidebar struct {
	widget.BaseWidget
	ground  *canvas.Rectangle
	edge    *canvas.Rectangle
	create  *look.Button
	search  *entry
	list    *keyList
	hint    *widget.Label
	content fyne.CanvasObject

	chats    []app.Chat // all
	shown    []app.Chat // those that match the search
	selected int64

	onOpen func(id int64)
	key    func(*fyne.KeyEvent) bool // sees the list's keys first
	menu   func(c app.Chat, at fyne.Position)
	find   func(query string) []int64 // chats with matches, best first
	now    func() time.Time
}

func newSidebar(shortcut func(fyne.Shortcut) bool, create func()) *sidebar {
	s := &sidebar{now: time.Now}
	s.ground = canvas.NewRectangle(nil)
	s.edge = canvas.NewRectangle(nil)
	s.create = look.NewButton(look.IconNew, lang.L("New chat"), look.Soft, create)
	s.create.Height = 38
	s.search = newEntry(lang.L("Search"), shortcut)
	s.search.OnChanged = func(string) { s.filter() }
	s.search.key = func(k *fyne.KeyEvent) bool {
		switch k.Name {
		case fyne.KeyEscape:
			s.search.SetText("")
			return true
		case fyne.KeyReturn, fyne.KeyEnter:
			if len(s.shown) > 0 {
				s.onOpen(s.shown[0].ID)
			}
			return true
		}
		return false
	}
	s.hint = widget.NewLabel("")
	s.hint.Alignment = fyne.TextAlignCenter
	s.hint.Wrapping = fyne.TextWrapWord
	s.hint.Importance = widget.LowImportance
	s.list = newKeyList(
		func() int { return len(s.shown) },
		func() fyne.CanvasObject { return newChatRow(s) },
		func(i widget.ListItemID, o fyne.CanvasObject) {
			if i < len(s.shown) {
				o.(*chatRow).set(s.shown[i], s.shown[i].ID == s.selected)
			}
		},
		func(k *fyne.KeyEvent) bool { return s.key(k) },
	)
	s.list.OnSelected = func(i widget.ListItemID) { // by the keyboard; rows take clicks themselves
		s.list.UnselectAll()
		if i < len(s.shown) {
			s.onOpen(s.shown[i].ID)
		}
	}
	top := container.New(layout.NewCustomPaddedLayout(12, 8, 12, 12),
		container.New(layout.NewCustomPaddedVBoxLayout(10), s.create, s.search))
	s.content = container.NewBorder(top, nil, nil, nil, container.NewStack(s.list, container.NewCenter(), container.NewVBox(s.hint)))
	s.ExtendBaseWidget(s)
	return s
}

// set shows chats.
func (s *sidebar) set(chats []app.Chat) {
	s.chats = chats
	s.filter()
}

func (s *sidebar) selectChat(id int64) {
	s.selected = id
	s.list.Refresh()
}

// filter keeps the chats that the search finds: in their titles or in their messages.
func (s *sidebar) filter() {
	s.shown = s.chats
	if query := strings.TrimSpace(s.search.Text); query != "" {
		s.shown = s.matches(query)
	}
	switch {
	case len(s.chats) == 0:
		s.hint.SetText(lang.L("Your chats will be listed here."))
	case len(s.shown) == 0:
		s.hint.SetText(lang.L("No chat matches the search."))
	default:
		s.hint.SetText("")
	}
	s.hint.Hidden = s.hint.Text == ""
	s.list.Refresh()
}

// matches returns the chats that a search finds, best first.
func (s *sidebar) matches(query string) []app.Chat {
	byID := make(map[int64]app.Chat, len(s.chats))
	for _, c := range s.chats {
		byID[c.ID] = c
	}
	var found []app.Chat
	for _, id := range s.find(query) {
		if c, ok := byID[id]; ok {
			found = append(found, c)
			delete(byID, id) // it may match more than once
		}
	}
	return found
}

func titleOf(c app.Chat) string {
	if c.Title == "" {
		return lang.L("New chat")
	}
	return c.Title
}

// CreateRenderer is Fyne's.
func (s *sidebar) CreateRenderer() fyne.WidgetRenderer {
	r := &sidebarRenderer{s}
	r.colour()
	return r
}

type sidebarRenderer struct{ s *sidebar }

func (r *sidebarRenderer) Destroy()           {}
func (r *sidebarRenderer) MinSize() fyne.Size { return fyne.NewSize(look.SidebarWidth, 200) }
func (r *sidebarRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.s.ground, r.s.edge, r.s.content}
}

func (r *sidebarRenderer) Layout(size fyne.Size) {
	r.s.ground.Resize(size)
	r.s.edge.Resize(fyne.NewSize(1, size.Height))
	r.s.edge.Move(fyne.NewPos(size.Width-1, 0))
	r.s.content.Resize(size.SubtractWidthHeight(1, 0))
}

func (r *sidebarRenderer) colour() {
	r.s.ground.FillColor = look.Color(look.ColorSidebar)
	r.s.edge.FillColor = look.Color(theme.ColorNameSeparator)
}

func (r *sidebarRenderer) Refresh() {
	r.colour()
	r.s.ground.Refresh()
	r.s.edge.Refresh()
	r.s.content.Refresh()
}

// chatRow is one chat of the list.
type chatRow struct {
	widget.BaseWidget
	sidebar  *sidebar
	chat     app.Chat
	selected bool
	hovered  bool
	ground   *canvas.Rectangle
	title    *widget.Label
	when     *canvas.Text
	more     *look.Button
}

func newChatRow(s *sidebar) *chatRow {
	r := &chatRow{sidebar: s, ground: canvas.NewRectangle(nil), title: widget.NewLabel(""), when: canvas.NewText("", nil)}
	r.ground.CornerRadius = 8
	r.title.Truncation = fyne.TextTruncateEllipsis
	r.when.TextSize = 11.5
	r.more = look.NewIconButton(look.IconMore, func() {
		at := fyne.CurrentApp().Driver().AbsolutePositionForObject(r.more)
		s.menu(r.chat, at.AddXY(0, r.more.Size().Height))
	})
	r.more.Height = 26
	r.more.Hide()
	r.ExtendBaseWidget(r)
	return r
}

func (r *chatRow) set(c app.Chat, selected bool) {
	r.chat, r.selected = c, selected
	r.title.SetText(titleOf(c))
	r.when.Text = whenText(c.Updated, r.sidebar.now())
	r.Refresh()
}

// Tapped opens the chat.
func (r *chatRow) Tapped(*fyne.PointEvent) { r.sidebar.onOpen(r.chat.ID) }

// TappedSecondary shows the chat's menu.
func (r *chatRow) TappedSecondary(e *fyne.PointEvent) { r.sidebar.menu(r.chat, e.AbsolutePosition) }

// MouseIn lights the row up.
func (r *chatRow) MouseIn(*desktop.MouseEvent) { r.hovered = true; r.Refresh() }

// MouseMoved does nothing.
func (r *chatRow) MouseMoved(*desktop.MouseEvent) {}

// MouseOut puts the light out.
func (r *chatRow) MouseOut() { r.hovered = false; r.Refresh() }

// CreateRenderer is Fyne's.
func (r *chatRow) CreateRenderer() fyne.WidgetRenderer { return &chatRowRenderer{r} }

type chatRowRenderer struct{ r *chatRow }

func (w *chatRowRenderer) Destroy()           {}
func (w *chatRowRenderer) MinSize() fyne.Size { return fyne.NewSize(120, 36) }
func (w *chatRowRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{w.r.ground, w.r.title, w.r.when, w.r.more}
}

func (w *chatRowRenderer) Layout(size fyne.Size) {
	r := w.r
	r.ground.Move(fyne.NewPos(4, 1))
	r.ground.Resize(size.SubtractWidthHeight(8, 2))
	end := r.when.MinSize()
	r.when.Resize(end)
	r.when.Move(fyne.NewPos(size.Width-end.Width-16, (size.Height-end.Height)/2))
	r.more.Resize(fyne.NewSquareSize(26))
	r.more.Move(fyne.NewPos(size.Width-26-10, (size.Height-26)/2))
	room := size.Width - end.Width - 24
	if r.more.Visible() {
		room = size.Width - 26 - 18
	}
	t := r.title.MinSize().Height
	r.title.Move(fyne.NewPos(6, (size.Height-t)/2))
	r.title.Resize(fyne.NewSize(room, t))
}

func (w *chatRowRenderer) Refresh() {
	r := w.r
	switch {
	case r.selected:
		r.ground.FillColor = look.Color(look.ColorSelected)
	case r.hovered:
		r.ground.FillColor = look.Color(theme.ColorNameHover)
	default:
		r.ground.FillColor = look.Color(look.ColorSidebar)
	}
	r.when.Color = look.Color(look.ColorMuted)
	r.more.Hidden = !r.hovered && !r.selected
	r.when.Hidden = !r.more.Hidden
	w.Layout(r.Size())
	r.ground.Refresh()
	r.title.Refresh()
	r.when.Refresh()
	r.more.Refresh()
}
