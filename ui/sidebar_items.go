package ui

import (
	"fyne.io/fyne/v2/lang"

	"burble/app"
)

// sideKind is what a row of the sidebar stands for.
type sideKind uint8

const (
	sideChat      sideKind = iota
	sideFolder             // with its chats below it
	sideLabel              // a heading
	sideTemporary          // the temporary chat that is open
	sideBack               // back to the chats
)

// sideItem is a row of the sidebar.
type sideItem struct {
	kind   sideKind
	chat   app.Chat
	folder app.Folder
	text   string // of a heading
	count  int    // of a folder's chats
	inside bool   // of a folder
	away   sidebarView
}

// sideKey tells chats and folders from each other.
type sideKey struct {
	kind sideKind
	id   int64
}

func (i sideItem) key() sideKey {
	switch i.kind {
	case sideFolder:
		return sideKey{i.kind, i.folder.ID}
	case sideLabel, sideBack:
		return sideKey{kind: i.kind}
	}
	return sideKey{sideChat, i.chat.ID}
}

// items makes the rows, and returns the chats in them.
func (s *sidebar) items() (rows []sideItem, shown []app.Chat) {
	if s.view != viewChats {
		return s.awayItems(), s.away
	}
	rows = make([]sideItem, 0, len(s.chats)+len(s.folders)+4)
	shown = make([]app.Chat, 0, len(s.chats))
	chat := func(c app.Chat, inside bool) {
		rows = append(rows, sideItem{kind: sideChat, chat: c, inside: inside})
		shown = append(shown, c)
	}
	if s.temporary != 0 {
		rows = append(rows, sideItem{kind: sideTemporary, chat: app.Chat{ID: s.temporary}})
	}
	inFolder := make(map[int64][]app.Chat, len(s.folders))
	for _, f := range s.folders {
		inFolder[f.ID] = nil
	}
	var loose []app.Chat
	pinned := 0
	for _, c := range s.chats {
		_, there := inFolder[c.Folder]
		switch {
		case c.Pinned:
			if pinned == 0 {
				rows = append(rows, sideItem{kind: sideLabel, text: lang.L("Pinned")})
			}
			pinned++
			chat(c, false)
		case c.Folder != 0 && there:
			inFolder[c.Folder] = append(inFolder[c.Folder], c)
		default:
			loose = append(loose, c)
		}
	}
	if len(s.folders) > 0 {
		rows = append(rows, sideItem{kind: sideLabel, text: lang.L("Folders")})
	}
	for _, f := range s.folders {
		rows = append(rows, sideItem{kind: sideFolder, folder: f, count: len(inFolder[f.ID])})
		if !f.Collapsed {
			for _, c := range inFolder[f.ID] {
				chat(c, true)
			}
		}
	}
	if len(loose) > 0 && (pinned > 0 || len(s.folders) > 0 || s.temporary != 0) {
		rows = append(rows, sideItem{kind: sideLabel, text: lang.L("Chats")})
	}
	for _, c := range loose {
		chat(c, false)
	}
	return rows, shown
}

// awayItems are the rows of what was put away.
func (s *sidebar) awayItems() []sideItem {
	back := lang.L("Archived")
	if s.view == viewDeleted {
		back = lang.L("Recently deleted")
	}
	rows := []sideItem{{kind: sideBack, text: back}}
	for _, c := range s.away {
		rows = append(rows, sideItem{kind: sideChat, chat: c, away: s.view})
	}
	return rows
}
