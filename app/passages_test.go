package app

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"burble/app/attach"
)

// indexed waits until the text of all attached files is indexed.
func indexed(t testing.TB, a *App) {
	t.Helper()
	eventually(t, "the index of files", func() bool {
		var n int
		must(t, a.store.db.QueryRow("SELECT count(*) FROM attachment_texts WHERE unindexed IS NOT NULL").Scan(&n))
		return n == 0
	})
}

func TestSearchFiles(t *testing.T) {
	dir := t.TempDir()
	a, f := start(t, dir)
	n := 0
	send := func(text string, files ...attach.Document) (Chat, Message) {
		t.Helper()
		c := newChat(t, a)
		must(t, a.Chats.SendWith(c.ID, text, files))
		n++
		id, _ := f.asked(t, n)
		f.answer(id, "Read.")
		indexed(t, a)
		return c, settled(t, a, c.ID)[0]
	}
	filler := strings.Repeat("some words that fill a page ", 3000)
	report := attach.Document{Name: "Quarterly report.pdf", Kind: attach.PDF, Text: filler + "the Zürich  subsidiary\nlost a fortune " + filler}
	chinese := attach.Document{Name: "天气.txt", Kind: attach.Text, Text: strings.Repeat("今天我们去公园散步。", 2000) + "珍稀动物" + strings.Repeat("明天也是。", 2000)}
	first, asked := send("What went wrong?", report)
	_, again := send("And where was the subsidiary?", report)
	asian, inAsia := send("", chinese)

	for _, c := range []struct {
		query string
		want  []int64 // messages, the newest first
		file  string  // of the last one
		match string
	}{
		{"zurich fortune", []int64{again.ID, asked.ID}, report.Name, "Zürich"},
		{"subsidi", []int64{again.ID, asked.ID}, report.Name, "subsidiary"}, // of the first alone, it is the message's own word
		{"quarterly", []int64{again.ID, asked.ID}, report.Name, "Quarterly"},
		{"珍稀", []int64{inAsia.ID}, chinese.Name, "珍稀"},
		{"稀珍", nil, "", ""},
		{"天气", []int64{inAsia.ID}, chinese.Name, "天气"},
		{"fortune fill nowhere", nil, "", ""},
		{`"fortune" OR*`, nil, "", ""},
	} {
		hits, err := a.Chats.Search(c.query, 10)
		if err != nil {
			t.Fatal(err)
		}
		var ids []int64
		for _, h := range hits {
			if h.MessageID == 0 { // the chat is named after its file
				continue
			}
			ids = append(ids, h.MessageID)
			if len(h.Matches) == 0 || len(h.Snippet) > 700 || !utf8.ValidString(h.Snippet) {
				t.Errorf("%q: %+v", c.query, h)
			}
		}
		if !slices.Equal(ids, c.want) {
			t.Errorf("%q found %v, want %v", c.query, ids, c.want)
			continue
		}
		if len(hits) > 0 {
			h := hits[len(hits)-1]
			if m := h.Matches[0]; h.File != c.file || h.Snippet[m[0]:m[1]] != c.match {
				t.Errorf("%q: %+v", c.query, h)
			}
		}
	}
	if hits, _ := a.Chats.Search("subsidiary", 10); len(hits) != 3 && (len(hits) != 2 || hits[0].File != "") { // a message is found once
		t.Errorf("%+v", hits)
	}
	// What is deleted is not found, and its passages go with it.
	must(t, a.Chats.Delete(first.ID))
	if hits, _ := a.Chats.Search("fortune", 10); len(hits) != 1 || hits[0].MessageID != again.ID {
		t.Errorf("of a deleted chat: %+v", hits)
	}
	must(t, a.Chats.store.exec(t.Context(), "DELETE FROM chats WHERE id = ?", asian.ID))
	must(t, a.Chats.store.purge(t.Context(), asked.Created))
	if hits, _ := a.Chats.Search("珍稀", 10); len(hits) != 0 {
		t.Errorf("of a chat that is gone: %+v", hits)
	}
	var passages, rows, pairs int
	must(t, a.store.db.QueryRow("SELECT (SELECT count(*) FROM passages), (SELECT count(*) FROM passages_text_docsize), (SELECT count(*) FROM passages_pairs_docsize)").Scan(&passages, &rows, &pairs))
	if passages == 0 || rows != passages || pairs != 0 {
		t.Errorf("%d passages, %d of words, %d of pairs", passages, rows, pairs)
	}
	// A temporary chat's files are nobody's business.
	secret, err := a.Chats.CreateTemporary()
	must(t, err)
	must(t, a.Chats.SendWith(secret.ID, "psst", []attach.Document{{Name: "secret.txt", Kind: attach.Text, Text: "hushhush"}}))
	id, _ := f.asked(t, n+1)
	f.answer(id, "Hm.")
	settled(t, a, secret.ID)
	if hits, _ := a.Chats.Search("hushhush", 10); len(hits) != 0 {
		t.Errorf("a temporary chat is found: %+v", hits)
	}
	// Until it is kept.
	_, err = a.Chats.Keep(secret.ID)
	must(t, err)
	indexed(t, a)
	if hits, _ := a.Chats.Search("hushhush", 10); len(hits) != 1 {
		t.Errorf("a chat that was kept is not found: %+v", hits)
	}
	// So are imported ones.
	path := filepath.Join(dir, "chats.json")
	_, err = a.Chats.ExportFile(t.Context(), path, ExportJSON, Selection{})
	must(t, err)
	must(t, a.Close())
	b, _ := start(t, t.TempDir())
	_, err = b.Chats.Import(t.Context(), path, func(int64, int64) {})
	must(t, err)
	indexed(t, b)
	if hits, _ := b.Chats.Search("hushhush", 10); len(hits) != 1 || hits[0].File != "secret.txt" {
		t.Errorf("imported: %+v", hits)
	}
}

// TestIndexOfBefore has a database from before there were passages, and a run that ended in the middle.
func TestIndexOfBefore(t *testing.T) {
	dir := t.TempDir()
	a, f := start(t, dir)
	c := newChat(t, a)
	must(t, a.Chats.SendWith(c.ID, "x", []attach.Document{{Name: "long.txt", Kind: attach.Text, Text: strings.Repeat("a word ", 2*indexAtOnce/7) + "needle"}}))
	id, _ := f.asked(t, 1)
	f.answer(id, "Hm.")
	settled(t, a, c.ID)
	indexed(t, a)
	before := passageCount(t, a)
	must(t, a.store.exec(t.Context(), "DELETE FROM passages"))
	must(t, a.store.exec(t.Context(), "UPDATE attachment_texts SET unindexed = 0"))
	must(t, a.Close())
	a, _ = start(t, dir)
	indexed(t, a)
	if n := passageCount(t, a); n != before || n < 100 {
		t.Errorf("%d passages, and %d before", n, before)
	}
	if hits, err := a.Chats.Search("needle", 5); err != nil || len(hits) != 1 || hits[0].File != "long.txt" {
		t.Errorf("%+v, %v", hits, err)
	}
}

func passageCount(t *testing.T, a *App) (n int) {
	t.Helper()
	must(t, a.store.db.QueryRow("SELECT count(*) FROM passages").Scan(&n))
	return n
}

func TestSeam(t *testing.T) {
	for _, c := range []struct {
		text     string
		at, want int
	}{{"one two", 9, 7}, {"one two", 1, 3}, {"héllo", 2, 3}, {strings.Repeat("x", 100), 10, 10}, {"日本語", 4, 6}, {"", 0, 0}} {
		if got := seam(c.text, c.at); got != c.want {
			t.Errorf("seam(%q, %d) = %d, want %d", c.text, c.at, got, c.want)
		}
	}
}

func TestExcerptWords(t *testing.T) {
	text := "An overture. " + strings.Repeat("Filler. ", 30) + "The CAFÉ, the cafeteria and more cafés. " + strings.Repeat("Filler. ", 60)
	s, m := excerptWords(text, []string{"the", "cafe"})
	var marked []string
	for _, x := range m {
		marked = append(marked, s[x[0]:x[1]])
	}
	if want := []string{"The", "CAFÉ", "the", "cafeteria", "cafés"}; !slices.Equal(marked, want) || !strings.HasPrefix(s, "…") || !strings.HasSuffix(s, "…") {
		t.Errorf("%q marks %q", s, marked)
	}
	if s, m := excerptWords(text, []string{"nowhere"}); s != "" || m != nil {
		t.Errorf("%q %v", s, m)
	}
	if s, m := excerptWords("end", []string{"end"}); s != "end" || !slices.Equal(m, [][2]int{{0, 3}}) {
		t.Errorf("%q %v", s, m)
	}
}

// BenchmarkSearchFiles searches 10,000 chats, every tenth of which has a file of ten pages.
func BenchmarkSearchFiles(b *testing.B) {
	a, _ := start(b, b.TempDir())
	words := strings.Fields("the model reads a question about strings and answers with code that cuts slices around the first instance of sep")
	err := a.store.transact(a.Chats.ctx, func(tx *sql.Tx) error {
		for c := range 10_000 {
			if _, err := tx.Exec("INSERT INTO chats (id, title, created, updated) VALUES (?, ?, 1, 1)", c+1, fmt.Sprintf("Chat %d", c)); err != nil {
				return err
			}
			m := Message{ChatID: int64(c + 1), Role: "user", Content: "Read this.", Status: StatusComplete}
			if err := a.store.insert(a.Chats.ctx, tx, &m); err != nil {
				return err
			}
			if c%10 != 0 {
				continue
			}
			text := strings.Repeat(strings.Join(words[c%7:], " ")+" ", 20_000/100) + fmt.Sprintf(" number%d", c)
			if err := a.store.attach(a.Chats.ctx, tx, &m, []attach.Document{{Name: fmt.Sprintf("file%d.txt", c), Kind: attach.Text, Text: text}}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	for more := true; more; {
		err := a.store.transact(a.Chats.ctx, func(tx *sql.Tx) (err error) {
			more, err = indexPiece(a.Chats.ctx, tx)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	for query, want := range map[string]int{"number1230": 1, "the": 50, "slices sep": 50, "nowhere": 0, "file12": 11, "天気": 0} {
		b.Run(query, func(b *testing.B) {
			for b.Loop() {
				if hits, err := a.Chats.Search(query, 50); err != nil || len(hits) != want {
					b.Fatal(len(hits), err)
				}
			}
		})
	}
}
