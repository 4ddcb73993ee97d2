package ui

import (
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"burble/app"
	"burble/ui/look"
)

// sidebar lists the chats: pinned ones, folders, and the others by their last message. A search field above it finds
// messages, which are listed in place of the chats.
//
// Both lists are virtual: only the rows in view exist, so that ten thousand chats cost no more than ten.
type sidebar struct {
	widget.BaseWidget
	ground  *canvas.Rectangle
	edge    *canvas.Rectangle
	create  *look.Button
	more    *look.Button
	search  *entry
	list    *rowList // of chats and folders
	found   *rowList // of messages that a search found
	hint    *widget.Label
	ghost   *dragGhost
	content fyne.CanvasObject

	chats     []app.Chat // all that are not put away
	folders   []app.Folder
	away      []app.Chat // in the view of what was put away
	temporary int64      // the temporary chat that is open; 0: none
	view      sidebarView
	rows      []sideItem
	hits      []app.Hit
	shown     []app.Chat // those in rows, or with hits
	selected  int64      // the chat that is open

	cursor     int // where the keyboard is in the list that is shown
	renamed    sideKey
	naming     *entry // in the row that is renamed
	wasFocused bool   // the keyboard was in the list when a menu was opened
	drop       int    // where a dragged chat would be put, as a row; -1: nowhere

	onOpen   func(id int64)
	onHit    func(h app.Hit)
	onRename func(item sideItem, name string)
	onFold   func(f app.Folder)
	onMove   func(c app.Chat, to sideItem)
	onDelete func(item sideItem)
	onUndo   func()
	onBack   func()                                // from the view of what was put away
	key      func(*fyne.KeyEvent) bool             // sees keys that the list has no use for
	shortcut func(fyne.Shortcut) bool              //
	menu     func(item sideItem, at fyne.Position) // of a chat or a folder
	moreMenu func(at fyne.Position)
	find     func(query string) []app.Hit // best first
	now      func() time.Time
}

// sidebarView says what the sidebar lists.
type sidebarView uint8

const (
	viewChats    sidebarView = iota
	viewArchived             // chats that were put away
	viewDeleted              // chats that can be restored
)

func newSidebar(shortcut func(fyne.Shortcut) bool, create func()) *sidebar {
	s := &sidebar{now: time.Now, shortcut: shortcut, drop: -1, ghost: newDragGhost()}
	s.ground = canvas.NewRectangle(nil)
	s.edge = canvas.NewRectangle(nil)
	s.create = look.NewButton(look.IconNew, lang.L("New chat"), look.Soft, create)
	s.create.Height = 38
	s.more = look.NewIconButton(look.IconMore, func() {
		at := fyne.CurrentApp().Driver().AbsolutePositionForObject(s.more)
		s.moreMenu(at.AddXY(0, s.more.Size().Height))
	})
	s.more.Height = 38
	s.search = newEntry(lang.L("Search"), shortcut)
	s.search.OnChanged = func(string) { s.cursor = 0; s.filter() }
	s.search.key = s.searchKey
	s.hint = widget.NewLabel("")
	s.hint.Alignment = fyne.TextAlignCenter
	s.hint.Wrapping = fyne.TextWrapWord
	s.hint.Importance = widget.LowImportance
	s.list = newRowList(s, func() int { return len(s.rows) },
		func() fyne.CanvasObject { return newSideRow(s) },
		func(i widget.ListItemID, o fyne.CanvasObject) {
			if i < len(s.rows) {
				o.(*sideRow).set(i, s.rows[i])
			}
		})
	s.found = newRowList(s, func() int { return len(s.hits) },
		func() fyne.CanvasObject { return newHitRow(s) },
		func(i widget.ListItemID, o fyne.CanvasObject) {
			if i < len(s.hits) {
				o.(*hitRow).set(i, s.hits[i])
			}
		})
	s.found.Hide()
	buttons := container.NewBorder(nil, nil, nil, s.more, s.create)
	top := container.New(layout.NewCustomPaddedLayout(12, 8, 12, 12),
		container.New(layout.NewCustomPaddedVBoxLayout(10), buttons, s.search))
	s.content = container.NewBorder(top, nil, nil, nil, container.NewStack(s.list, s.found, container.NewVBox(s.hint)))
	s.ExtendBaseWidget(s)
	return s
}

// set shows chats and folders.
func (s *sidebar) set(chats []app.Chat, folders []app.Folder) {
	s.chats, s.folders = chats, folders
	s.filter()
}

// show lists what was put away, or the chats again.
func (s *sidebar) show(v sidebarView, away []app.Chat) {
	s.view, s.away = v, away
	s.filter()
}

func (s *sidebar) selectChat(id int64) {
	s.selected = id
	s.refreshLists()
}

// searching reports whether messages are listed instead of chats.
func (s *sidebar) searching() bool { return strings.TrimSpace(s.search.Text) != "" }

// active is the list that is shown.
func (s *sidebar) active() *rowList {
	if s.searching() {
		return s.found
	}
	return s.list
}

func (s *sidebar) refreshLists() {
	s.active().Refresh()
}

// filter lists the chats, or what the search finds in their titles and messages.
func (s *sidebar) filter() {
	if s.searching() {
		s.hits, s.shown = s.find(strings.TrimSpace(s.search.Text)), nil
		s.shown = s.chatsOf(s.hits)
	} else {
		s.hits = nil
		s.rows, s.shown = s.items()
	}
	switch {
	case s.searching() && len(s.hits) == 0:
		s.hint.SetText(lang.L("No chat matches the search."))
	case s.view == viewArchived && len(s.away) == 0:
		s.hint.SetText("\n\n" + lang.L("No chats are archived."))
	case s.view == viewDeleted && len(s.away) == 0:
		s.hint.SetText("\n\n" + lang.L("No chats were deleted lately."))
	case !s.searching() && s.view == viewChats && len(s.rows) == 0:
		s.hint.SetText(lang.L("Your chats will be listed here."))
	default:
		s.hint.SetText("")
	}
	s.hint.Hidden = s.hint.Text == ""
	s.cursor = s.sensible(s.cursor, +1)
	s.found.Hidden, s.list.Hidden = !s.searching(), s.searching()
	s.refreshLists()
}

// chatsOf returns the chats that hits are in, best first.
func (s *sidebar) chatsOf(hits []app.Hit) []app.Chat {
	wanted := make(map[int64]bool, len(hits))
	for _, h := range hits {
		wanted[h.ChatID] = true
	}
	byID := make(map[int64]app.Chat, len(wanted))
	for _, c := range s.chats {
		if wanted[c.ID] {
			byID[c.ID] = c
		}
	}
	var found []app.Chat
	for _, h := range hits {
		if c, ok := byID[h.ChatID]; ok {
			found = append(found, c)
			delete(byID, h.ChatID) // it may match more than once
		}
	}
	return found
}

func titleOf(c app.Chat) string {
	if app.Temporary(c.ID) {
		return lang.L("Temporary chat")
	}
	if c.Title == "" {
		return lang.L("New chat")
	}
	return c.Title
}

// length is how many rows are listed.
func (s *sidebar) length() int {
	if s.searching() {
		return len(s.hits)
	}
	return len(s.rows)
}

// sensible returns the row nearest to i that the keyboard can be at, looking in one direction first.
func (s *sidebar) sensible(i, step int) int {
	n := s.length()
	i = min(max(i, 0), max(n-1, 0))
	if s.searching() {
		return i
	}
	for j := i; j >= 0 && j < n; j += step {
		if s.rows[j].kind != sideLabel {
			return j
		}
	}
	for j := i; j >= 0 && j < n; j -= step {
		if s.rows[j].kind != sideLabel {
			return j
		}
	}
	return i
}

// moveCursor brings the keyboard to row i.
func (s *sidebar) moveCursor(i, step int) {
	before := s.cursor
	s.cursor = s.sensible(i, step)
	first := s.cursor
	if i := s.cursor - 1; !s.searching() && i >= 0 && i < len(s.rows) && s.rows[i].kind == sideLabel {
		first = i // its heading comes into view with it
	}
	s.active().bring(first, s.cursor)
	s.active().RefreshItem(before)
	s.active().RefreshItem(s.cursor)
}

// searchKey deals with keys in the search field.
func (s *sidebar) searchKey(k *fyne.KeyEvent) bool {
	switch k.Name {
	case fyne.KeyEscape:
		s.search.SetText("")
	case fyne.KeyReturn, fyne.KeyEnter:
		s.moveCursor(0, +1)
		s.open(s.cursor)
	case fyne.KeyDown:
		if s.length() == 0 {
			return true
		}
		s.moveCursor(0, +1)
		s.focusList()
	default:
		return false
	}
	return true
}

// focusList gives the keyboard to the list.
func (s *sidebar) focusList() {
	if c := fyne.CurrentApp().Driver().CanvasForObject(s); c != nil {
		c.Focus(s.active())
	}
}

// focusSearch gives the keyboard to the search field.
func (s *sidebar) focusSearch() {
	if c := fyne.CurrentApp().Driver().CanvasForObject(s); c != nil {
		c.Focus(s.search)
	}
}

// typedKey deals with keys in a list.
func (s *sidebar) typedKey(k *fyne.KeyEvent) {
	page := max(int(s.active().Size().Height/sidePitch)-1, 1)
	switch k.Name {
	case fyne.KeyDown:
		s.moveCursor(s.cursor+1, +1)
	case fyne.KeyUp:
		if s.sensible(s.cursor-1, -1) >= s.cursor {
			s.focusSearch()
			return
		}
		s.moveCursor(s.cursor-1, -1)
	case fyne.KeyPageDown:
		s.moveCursor(s.cursor+page, -1)
	case fyne.KeyPageUp:
		s.moveCursor(s.cursor-page, +1)
	case fyne.KeyHome:
		s.moveCursor(0, +1)
	case fyne.KeyEnd:
		s.moveCursor(s.length()-1, -1)
	case fyne.KeyReturn, fyne.KeyEnter, fyne.KeySpace:
		s.open(s.cursor)
	case fyne.KeyEscape:
		switch {
		case s.searching():
			s.search.SetText("")
			s.focusList()
		case s.view != viewChats:
			s.onBack()
		default:
			s.key(k)
		}
	default:
		if !s.searching() && s.cursor < len(s.rows) {
			s.itemKey(k, s.rows[s.cursor])
			return
		}
		s.key(k)
	}
}

// itemKey deals with keys that are about the chat or folder at the cursor.
func (s *sidebar) itemKey(k *fyne.KeyEvent, item sideItem) {
	switch k.Name {
	case fyne.KeyF2:
		s.rename(item)
	case fyne.KeyDelete, fyne.KeyBackspace:
		if item.kind == sideChat || item.kind == sideFolder || item.kind == sideTemporary {
			s.onDelete(item)
		}
	case keyMenu, fyne.KeyF10:
		s.menu(item, s.positionOf(s.cursor))
	case fyne.KeyLeft:
		switch {
		case item.kind == sideFolder && !item.folder.Collapsed:
			s.onFold(item.folder)
		case item.inside: // to its folder
			for i := s.cursor; i >= 0; i-- {
				if s.rows[i].kind == sideFolder {
					s.moveCursor(i, -1)
					return
				}
			}
		}
	case fyne.KeyRight:
		if item.kind == sideFolder && item.folder.Collapsed {
			s.onFold(item.folder)
		}
	default:
		s.key(k)
	}
}

// open does what a click on a row does.
func (s *sidebar) open(i int) {
	if i < 0 || i >= s.length() {
		return
	}
	s.cursor = i
	if s.searching() {
		s.onHit(s.hits[i])
		return
	}
	switch item := s.rows[i]; item.kind {
	case sideChat, sideTemporary:
		s.onOpen(item.chat.ID)
	case sideFolder:
		s.onFold(item.folder)
	case sideBack:
		s.onBack()
	}
}

// positionOf returns where on the window a menu of row i belongs.
func (s *sidebar) positionOf(i int) fyne.Position {
	l := s.active()
	at := fyne.CurrentApp().Driver().AbsolutePositionForObject(l)
	y := float32(i)*(sideHeight+l.Theme().Size(theme.SizeNamePadding)) - l.GetScrollOffset()
	return at.AddXY(24, min(max(y, 0), l.Size().Height-sideHeight)+sideHeight)
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
	return []fyne.CanvasObject{r.s.ground, r.s.edge, r.s.content, r.s.ghost.box}
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

// rowList is a list of the sidebar. The sidebar deals with its keys; letters go to the search field.
type rowList struct {
	widget.List
	sidebar *sidebar
	focused bool
}

func newRowList(s *sidebar, length func() int, create func() fyne.CanvasObject, update func(widget.ListItemID, fyne.CanvasObject)) *rowList {
	l := &rowList{sidebar: s}
	l.Length, l.CreateItem, l.UpdateItem, l.HideSeparators = length, create, update, true
	l.ExtendBaseWidget(l)
	return l
}

// bring scrolls so that the rows from first to last are in view. Unlike ScrollTo it leaves rows alone that are in view.
func (l *rowList) bring(first, last int) {
	height := sideHeight
	if l == l.sidebar.found {
		height = hitHeight
	}
	pitch := height + l.Theme().Size(theme.SizeNamePadding)
	top, bottom := float32(first)*pitch, float32(last)*pitch+height
	switch at := l.GetScrollOffset(); {
	case top < at:
		l.ScrollToOffset(top)
	case bottom > at+l.Size().Height:
		l.ScrollToOffset(bottom - l.Size().Height)
	}
}

// FocusGained shows where the keyboard is.
func (l *rowList) FocusGained() { l.focused = true; l.Refresh() }

// FocusLost shows that it has gone.
func (l *rowList) FocusLost() { l.focused = false; l.Refresh() }

// TypedKey moves through the list.
func (l *rowList) TypedKey(k *fyne.KeyEvent) { l.sidebar.typedKey(k) }

// TypedRune begins a search.
func (l *rowList) TypedRune(r rune) {
	if r != ' ' { // which opens a row
		l.sidebar.focusSearch()
		l.sidebar.search.TypedRune(r)
	}
}

// TypedShortcut undoes, and gives the window its shortcuts.
func (l *rowList) TypedShortcut(k fyne.Shortcut) {
	if _, ok := k.(*fyne.ShortcutUndo); ok {
		l.sidebar.onUndo()
		return
	}
	l.sidebar.shortcut(k)
}
