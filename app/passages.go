package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// The text of attached files is searched in passages of about a page: a file may have millions of words, and what is found
// should stand together. The index holds no text of its own. It is made by the goroutine that writes, a piece at a time, so
// that neither a message nor an answer waits for it.

const (
	// passageLength is how many bytes a passage is ahead of the next one, and passageOverlap how many it shares with that: what stands
	// at the seam is whole in one of them.
	passageLength, passageOverlap = 4000, 200
	// indexAtOnce is how many bytes of text are indexed in one transaction: some hundredths of a second's work.
	indexAtOnce = 256 << 10
)

// seam returns where text is cut about the byte at: before a word if one begins soon, or else between two characters.
func seam(text string, at int) int {
	if at >= len(text) {
		return len(text)
	}
	for !utf8.RuneStart(text[at]) {
		at++
		if at == len(text) {
			return at
		}
	}
	if i := strings.IndexAny(text[at:min(at+64, len(text))], " \n\t"); i >= 0 {
		return at + i
	}
	return at
}

// indexFiles indexes a piece of the text of attached files, and has the writing goroutine go on with the rest.
func (c *Chats) indexFiles() error {
	more := false
	err := c.store.transact(c.ctx, func(tx *sql.Tx) (err error) {
		more, err = indexPiece(c.ctx, tx)
		return err
	})
	if err != nil {
		return fmt.Errorf("indexing an attached file for search: %w", err)
	}
	if more {
		c.later(c.indexFiles)
	}
	return nil
}

// indexPiece indexes the next passages, and reports whether there may be more.
func indexPiece(ctx context.Context, tx *sql.Tx) (more bool, err error) {
	var hash, text string
	var from int
	err = tx.QueryRowContext(ctx, "SELECT hash, content, unindexed FROM attachment_texts WHERE unindexed IS NOT NULL LIMIT 1").Scan(&hash, &text, &from)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for end := from + indexAtOnce; from < len(text) && from < end; {
		next := seam(text, from+passageLength)
		passage := text[from:seam(text, next+passageOverlap)]
		if err := indexPassage(ctx, tx, hash, from, passage); err != nil {
			return false, err
		}
		if from = next; next < len(text) && len(text)-next <= passageOverlap/2 { // what is left is in this passage
			from = len(text)
		}
	}
	rest := sql.NullInt64{Int64: int64(from), Valid: from < len(text)}
	_, err = tx.ExecContext(ctx, "UPDATE attachment_texts SET unindexed = ? WHERE hash = ?", rest, hash)
	return true, err
}

func indexPassage(ctx context.Context, tx *sql.Tx, hash string, start int, passage string) error {
	r, err := tx.ExecContext(ctx, "INSERT INTO passages (hash, start, bytes) VALUES (?, ?, ?)", hash, start, len(passage))
	if err != nil {
		return err
	}
	id, err := r.LastInsertId()
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO passages_text (rowid, content) VALUES (?, ?)", id, passage); err != nil {
		return err
	}
	if !strings.ContainsFunc(passage, unspaced) {
		return nil
	}
	var b strings.Builder
	pairs(&b, passage, true)
	_, err = tx.ExecContext(ctx, "INSERT INTO passages_pairs (rowid, pairs) VALUES (?, ?)", id, b.String())
	return err
}

// searchFiles finds messages by the names of their files, and by what is in them: a passage that has all words of the query.
func (c *Chats) searchFiles(query string, limit int) ([]Hit, error) {
	if limit <= 0 {
		return nil, nil
	}
	hits, err := c.search(c.ctx, func(h *Hit, name string) { h.File, h.Snippet, h.Matches = name, name, marksOf(name, query) },
		`SELECT m.chat_id, m.id, c.title, m.role, m.created, c.archived IS NOT NULL, a.name
		FROM attachments a JOIN messages m ON m.id = a.message_id JOIN chats c ON c.id = m.chat_id
		WHERE a.name LIKE ? ESCAPE '\' AND c.deleted IS NULL AND m.removed IS NULL ORDER BY m.id DESC LIMIT ?`, likePattern(query), limit)
	if err != nil {
		return nil, err
	}
	table, match := "passages_text", matchQuery(query)
	quote := func(passage string) (string, [][2]int) { return excerptWords(passage, queryWords(query)) }
	if strings.ContainsFunc(query, unspaced) {
		table, match = "passages_pairs", pairsQuery(query)
		quote = func(passage string) (string, [][2]int) { return excerpt(passage, query) }
	}
	if match == "" {
		return hits, nil
	}
	inside, err := c.searchPassages(table, match, limit, quote)
	return mergeHits(hits, inside, limit), err
}

// searchPassages finds messages by the text of their files. quote cuts the place out of a passage; without a match, the passage
// is not what was looked for.
func (c *Chats) searchPassages(table, match string, limit int, quote func(string) (string, [][2]int)) ([]Hit, error) {
	rows, err := c.store.db.QueryContext(c.ctx, fmt.Sprintf(`SELECT p.hash, p.start, p.bytes FROM %[1]s JOIN passages p ON p.id = %[1]s.rowid
		WHERE %[1]s MATCH ? ORDER BY %[1]s.rowid DESC`, table), match)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var hits []Hit
	done := map[string]bool{}
	var hash, text string // that was read last
	for rows.Next() && len(hits) < limit {
		var of string
		var start, size int
		if err := rows.Scan(&of, &start, &size); err != nil {
			return nil, err
		}
		if done[of] {
			continue
		}
		if of != hash {
			hash = of
			if err := c.store.db.QueryRowContext(c.ctx, "SELECT content FROM attachment_texts WHERE hash = ?", of).Scan(&text); err != nil {
				return nil, err
			}
		}
		if start+size > len(text) {
			continue
		}
		snippet, matches := quote(text[start : start+size])
		if len(matches) == 0 {
			continue
		}
		done[of] = true
		found, err := c.search(c.ctx, func(h *Hit, name string) { h.File, h.Snippet, h.Matches = name, snippet, slices.Clone(matches) },
			`SELECT m.chat_id, m.id, c.title, m.role, m.created, c.archived IS NOT NULL, a.name
			FROM attachments a JOIN messages m ON m.id = a.message_id JOIN chats c ON c.id = m.chat_id
			WHERE a.hash = ? AND c.deleted IS NULL AND m.removed IS NULL ORDER BY m.id DESC LIMIT ?`, of, limit-len(hits))
		if err != nil {
			return nil, err
		}
		hits = append(hits, found...)
	}
	return hits, rows.Err()
}

// mergeHits returns at most limit hits of messages, the newest first, and the first of each alone.
func mergeHits(a, b []Hit, limit int) []Hit {
	all := slices.Concat(a, b)
	slices.SortStableFunc(all, func(a, b Hit) int { return int(max(-1, min(1, b.MessageID-a.MessageID))) })
	all = slices.CompactFunc(all, func(a, b Hit) bool { return a.MessageID == b.MessageID })
	return all[:min(len(all), limit)]
}

// marksOf returns where text holds query, whatever the case of letters.
func marksOf(text, query string) (matches [][2]int) {
	for at := 0; ; {
		i, n := indexFold(text[at:], query)
		if i < 0 || n == 0 {
			return matches
		}
		matches = append(matches, [2]int{at + i, at + i + n})
		at += i + n
	}
}

// isWord reports whether r is part of a word, as the index sees it.
func isWord(r rune) bool { return unicode.In(r, unicode.L, unicode.N, unicode.M, unicode.Co) }

// queryWords are the words of what the user typed.
func queryWords(query string) []string {
	return strings.FieldsFunc(query, func(r rune) bool { return !isWord(r) })
}

// plainWord is a word without what makes no difference to the index: case and accents.
func plainWord(word string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFD.String(word)))
}

// excerptWords cuts out the surroundings of the first place in text that is one of words, the last of which may have been begun
// only, and marks all such places in it.
func excerptWords(text string, words []string) (snippet string, matches [][2]int) {
	plain := make([]string, len(words))
	for i, w := range words {
		plain[i] = plainWord(w)
	}
	sought := func(word string) bool {
		word = plainWord(word)
		return slices.Contains(plain, word) || len(plain) > 0 && strings.HasPrefix(word, plain[len(plain)-1])
	}
	from, to := -1, 0
	var found [][2]int
	eachWord(text, func(start, end int) bool {
		if from >= 0 && start > to {
			return false
		}
		if !sought(text[start:end]) {
			return true
		}
		if from < 0 {
			from, to = start, end
			for range excerptLength {
				_, size := utf8.DecodeLastRuneInString(text[:from])
				from -= size
			}
			for range 3 * excerptLength {
				_, size := utf8.DecodeRuneInString(text[to:])
				to += size
			}
		}
		if end <= to {
			found = append(found, [2]int{start, end})
		}
		return true
	})
	if from < 0 {
		return "", nil
	}
	before := ""
	if from > 0 {
		before = "…"
	}
	snippet = before + text[from:to]
	if to < len(text) {
		snippet += "…"
	}
	for _, m := range found {
		matches = append(matches, [2]int{m[0] - from + len(before), m[1] - from + len(before)})
	}
	return snippet, matches
}

// eachWord calls f with where each word of text is, until it returns false.
func eachWord(text string, f func(start, end int) bool) {
	start := -1
	for i, r := range text {
		switch in := isWord(r); {
		case in && start < 0:
			start = i
		case !in && start >= 0:
			if !f(start, i) {
				return
			}
			start = -1
		}
	}
	if start >= 0 {
		f(start, len(text))
	}
}
