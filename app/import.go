package app

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"burble/inference/chat"
)

// Limits of what is imported, against files made to fill the memory or the disk.
const (
	maxImportChat     = 64 << 20 // bytes of JSON of one chat
	maxImportFile     = 8 << 30  // bytes of JSON in all, unpacked
	maxImportMessages = 100_000  // of a chat, and elements of any list in it
)

// Imported says what an import has brought. DeleteAll of Chats and DeleteFolder of Folders undo it.
type Imported struct {
	Chats    []int64
	Folders  []int64 // that were made for them
	Messages int
	From     []string // names of the programs they come from
	Left     int      // pictures, sounds and the like that were left out
	Empty    int      // chats that had no messages
}

// Import reads chats from a file: Burble's own JSON, conversations of LM Studio, exports of Open WebUI and of ChatGPT (its
// conversations.json, or the .zip it comes in), and ShareGPT. All of it is imported, or nothing with an error that says
// what is wrong. progress, which may be nil, is told how many bytes were read, from this goroutine.
//
// Of a folder, such as LM Studio's conversations, all files are imported; those in a folder within it go into a folder of
// its name.
func (c *Chats) Import(ctx context.Context, path string, progress func(done, total int64)) (Imported, error) {
	im := importer{chats: c, ctx: ctx, progress: progress, left: maxImportFile}
	files, err := im.files(path)
	if err != nil {
		return Imported{}, fmt.Errorf("importing chats: %w", err)
	}
	err = c.store.transact(ctx, func(tx *sql.Tx) (err error) {
		if im.into, err = newInserter(ctx, c, tx); err != nil {
			return err
		}
		for _, f := range files {
			if err := im.file(f); err != nil {
				return fmt.Errorf("importing %s: %w", filepath.Base(f.path), plainJSON(err))
			}
		}
		done := im.into.done
		switch {
		case len(done.Chats) > 0:
			return nil
		case done.Empty > 0:
			return fmt.Errorf("importing %s: the chats in it have no messages", filepath.Base(path))
		}
		return fmt.Errorf("importing %s: there are no chats in it", filepath.Base(path))
	})
	if err != nil {
		return Imported{}, err
	}
	c.later(c.indexFiles)
	c.signals.publish(ChatsChanged{})
	return im.into.done, nil
}

// importFile is a file to import.
type importFile struct {
	path, folder string
}

// studioEnding is how the names of LM Studio's conversations end.
const studioEnding = ".conversation.json"

// files returns the files of path, which is one or a folder, and adds up their sizes.
func (im *importer) files(path string) ([]importFile, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().IsRegular() {
		im.size = info.Size()
		return []importFile{{path, ""}}, nil
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is neither a file nor a folder", filepath.Base(path))
	}
	var studio, others []importFile
	err = filepath.WalkDir(path, func(file string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		found := importFile{path: file}
		if dir := filepath.Dir(file); dir != filepath.Clean(path) {
			found.folder = filepath.Base(dir)
		}
		switch ending := strings.ToLower(filepath.Ext(file)); {
		case strings.HasSuffix(file, studioEnding):
			studio = append(studio, found)
		case ending == ".json" || ending == ".jsonl" || ending == ".zip":
			others = append(others, found)
		default:
			return nil
		}
		if len(studio)+len(others) > maxImportMessages {
			return fmt.Errorf("the folder %w: more than %d files", errLarge, maxImportMessages)
		}
		info, err := d.Info()
		if err == nil {
			im.size += info.Size()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(studio) > 0 {
		return studio, nil // beside them are files of another kind
	}
	return others, nil
}

// file imports a file.
func (im *importer) file(file importFile) error {
	f, err := os.Open(file.path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	im.folder = 0
	if file.folder != "" {
		im.folder = -1 // in no file of ours
		im.into.folders = []fileFolder{{ID: im.folder, Name: file.folder}}
	}
	var magic [4]byte
	if n, _ := f.ReadAt(magic[:], 0); string(magic[:n]) == "PK\x03\x04" {
		err = im.zip(f, info.Size())
	} else {
		err = im.stream(f)
	}
	if err != nil {
		return err
	}
	return im.into.finish()
}

// importer reads the forms of files.
type importer struct {
	chats    *Chats
	ctx      context.Context
	progress func(done, total int64)
	size     int64 // of the files
	read     int64 // of them
	left     int64 // bytes that may be read
	element  int64 // bytes that may be read of a chat
	folder   int64 // for chats of other programs; 0: none
	into     *inserter
}

var conversationsFile = regexp.MustCompile(`^conversations.*\.json$`)

// zip reads the conversations of an archive.
func (im *importer) zip(f io.ReaderAt, size int64) error {
	z, err := zip.NewReader(f, size)
	if err != nil {
		return fmt.Errorf("the archive is damaged; download it again: %w", err)
	}
	var found []*zip.File
	im.size -= size
	for _, file := range z.File {
		if conversationsFile.MatchString(path.Base(file.Name)) {
			found = append(found, file)
			im.size += int64(min(file.UncompressedSize64, maxImportFile))
		}
	}
	if len(found) == 0 {
		return errors.New("the archive holds no conversations.json, which ChatGPT's exports have")
	}
	slices.SortFunc(found, func(a, b *zip.File) int { return strings.Compare(a.Name, b.Name) })
	for _, file := range found {
		r, err := file.Open()
		if err != nil {
			return fmt.Errorf("%s in the archive: %w", file.Name, err)
		}
		err = im.stream(r)
		if err = errors.Join(err, r.Close()); err != nil {
			return fmt.Errorf("%s in the archive: %w", file.Name, err)
		}
	}
	return nil
}

// errLarge is the error of a file beyond the limits.
var errLarge = errors.New("it is too large")

// metered counts what is read, and ends where too much is.
type metered struct {
	im *importer
	r  io.Reader
}

func (m metered) Read(p []byte) (int, error) {
	im := m.im
	if err := im.ctx.Err(); err != nil {
		return 0, err
	}
	if im.left <= 0 {
		return 0, fmt.Errorf("%w: more than %d GB", errLarge, maxImportFile>>30)
	}
	if im.element <= 0 {
		return 0, fmt.Errorf("a chat %w: more than %d MB", errLarge, maxImportChat>>20)
	}
	p = p[:min(int64(len(p)), im.left, im.element)]
	n, err := m.r.Read(p)
	im.read += int64(n)
	im.left -= int64(n)
	im.element -= int64(n)
	if im.progress != nil {
		im.progress(min(im.read, im.size), im.size)
	}
	return n, err
}

// stream reads JSON: an object, a list of objects, or objects one after another, which lines of JSON are.
func (im *importer) stream(r io.Reader) error {
	im.element = maxImportChat
	in := bufio.NewReaderSize(metered{im, r}, 1<<16)
	first, err := firstByte(in)
	if errors.Is(err, io.EOF) {
		return errors.New("the file is empty")
	}
	if err != nil {
		return err
	}
	d := json.NewDecoder(in)
	d.UseNumber()
	switch {
	case first == '[':
		if _, err := d.Token(); err != nil {
			return err
		}
		if err := im.elements(d, im.chat); err != nil {
			return err
		}
		if _, err = d.Token(); err != nil {
			return cut(err)
		}
		return nil
	case first != '{':
		return errors.New("it is no JSON file, which chats are exported as")
	case im.own(in):
		return im.ownFile(d)
	}
	for {
		im.element = maxImportChat
		var one json.RawMessage
		if err := d.Decode(&one); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := im.chat(one); err != nil {
			return err
		}
	}
}

// elements reads the rest of a list, one element at a time.
func (im *importer) elements(d *json.Decoder, do func(json.RawMessage) error) error {
	for d.More() {
		im.element = maxImportChat
		var one json.RawMessage
		if err := d.Decode(&one); err != nil {
			return cut(err)
		}
		if err := do(one); err != nil {
			return err
		}
	}
	return nil
}

// firstByte skips white space, and a byte order mark, up to the first byte that counts; it is left to be read.
func firstByte(in *bufio.Reader) (byte, error) {
	if mark, err := in.Peek(3); err == nil && string(mark) == "\xef\xbb\xbf" {
		if _, err := in.Discard(3); err != nil {
			return 0, err
		}
	}
	for {
		b, err := in.ReadByte()
		if err != nil {
			return 0, err
		}
		if !unicode.IsSpace(rune(b)) {
			return b, in.UnreadByte()
		}
	}
}

// own reports whether the object that follows begins as Burble's own files do.
func (im *importer) own(in *bufio.Reader) bool {
	start, _ := in.Peek(256) // fewer where the file is short
	d := json.NewDecoder(bytes.NewReader(start))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return false
	}
	key, err := d.Token()
	return err == nil && key == "burble_chats"
}

// ownFile reads Burble's own form, chat by chat.
func (im *importer) ownFile(d *json.Decoder) error {
	if _, err := d.Token(); err != nil {
		return cut(err)
	}
	im.into.from("Burble")
	for d.More() {
		im.element = maxImportChat
		key, err := d.Token()
		if err != nil {
			return cut(err)
		}
		switch key {
		case "burble_chats":
			var version int
			if err := d.Decode(&version); err != nil {
				return cut(err)
			}
			if version > fileVersion {
				return fmt.Errorf("it was written by a newer Burble (form %d; this one knows %d): install that version", version, fileVersion)
			}
		case "folders":
			var folders list[fileFolder]
			if err := d.Decode(&folders); err != nil {
				return cut(err)
			}
			im.into.folders = folders
		case "chats":
			if t, err := d.Token(); err != nil {
				return cut(err)
			} else if t != json.Delim('[') {
				return errors.New(`"chats" is no list`)
			}
			err = im.elements(d, func(one json.RawMessage) error {
				var f fileChat
				if err := decode(one, &f); err != nil {
					return im.into.failed(f.Title, err)
				}
				return im.into.add(f)
			})
			if err != nil {
				return err
			}
			if _, err := d.Token(); err != nil {
				return cut(err)
			}
		default:
			var skipped json.RawMessage
			if err := d.Decode(&skipped); err != nil {
				return cut(err)
			}
		}
	}
	_, err := d.Token()
	return cut(err)
}

// cut says of an end in the middle that it is one.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// chat imports one chat of any program.
func (im *importer) chat(data json.RawMessage) error {
	var probe struct {
		Title, Name   json.RawMessage
		Mapping       json.RawMessage
		Chat          json.RawMessage
		Messages      json.RawMessage
		Conversations json.RawMessage
		Burble        json.RawMessage `json:"burble_chats"`
	}
	if err := json.Unmarshal(data, &probe); err != nil {
		return im.into.failed("", err)
	}
	var convert func([]byte) (converted, error)
	switch {
	case probe.Burble != nil: // its keys have been sorted
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber()
		return im.ownFile(d)
	case probe.Mapping != nil:
		convert = fromChatGPT
	case probe.Chat != nil:
		convert = fromOpenWebUI
	case probe.Conversations != nil:
		convert = fromShareGPT
	case probe.Messages != nil && bytes.Contains(probe.Messages, []byte(`"versions"`)):
		convert = fromLMStudio
	default:
		return im.into.failed("", errors.New("it is of no known form: Burble reads its own JSON, and exports of LM Studio, Open WebUI, ChatGPT and ShareGPT"))
	}
	f, err := convert(data)
	if err != nil {
		title := probe.Title
		if title == nil {
			title = probe.Name
		}
		var name string
		_ = json.Unmarshal(title, &name) // only to say where
		return im.into.failed(name, err)
	}
	im.into.from(f.program)
	im.into.done.Left += f.left
	f.chat.Folder = im.folder
	return im.into.add(f.chat)
}

// converted is a chat of another program.
type converted struct {
	chat    fileChat
	program string
	left    int // pictures and the like that were left out
}

// plainJSON says in plain words what is wrong with JSON.
func plainJSON(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the file ends in the middle: it was not written or downloaded to its end")
	case errors.As(err, &kind):
		field := kind.Field
		if field != "" {
			field = strings.ToLower(field[:1]) + field[1:]
		}
		return swap(err, kind, fmt.Errorf("%q is a %s, which it can't be", field, kind.Value))
	case errors.As(err, &syntax):
		return swap(err, syntax, fmt.Errorf("it is no valid JSON (%w)", syntax))
	}
	return err
}

// swap puts words in place of the part of err that is old.
func swap(err, old, words error) error {
	return fmt.Errorf("%s%w", strings.TrimSuffix(err.Error(), old.Error()), words)
}

// decode reads JSON with numbers as they stand.
func decode(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return d.Decode(into)
}

// list is a JSON list of at most maxImportMessages elements: a few bytes of JSON could be many of memory.
type list[T any] []T

// UnmarshalJSON reads the list.
func (l *list[T]) UnmarshalJSON(data []byte) error {
	*l = nil
	if string(data) == "null" {
		return nil
	}
	if data[0] != '[' {
		return fmt.Errorf("%.20q stands where a list should", data)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		if len(*l) == maxImportMessages {
			return fmt.Errorf("a list %w: more than %d elements", errLarge, maxImportMessages)
		}
		var v T
		if err := d.Decode(&v); err != nil {
			return err
		}
		*l = append(*l, v)
	}
	return nil
}

// table is a JSON object of at most maxImportMessages elements.
type table[T any] map[string]T

// UnmarshalJSON reads the table.
func (t *table[T]) UnmarshalJSON(data []byte) error {
	*t = table[T]{}
	if string(data) == "null" {
		return nil
	}
	if data[0] != '{' {
		return fmt.Errorf("%.20q stands where an object should", data)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		if len(*t) == maxImportMessages {
			return fmt.Errorf("an object %w: more than %d elements", errLarge, maxImportMessages)
		}
		key, err := d.Token()
		if err != nil {
			return err
		}
		var v T
		if err := d.Decode(&v); err != nil {
			return err
		}
		(*t)[key.(string)] = v
	}
	return nil
}

// firstWords is a title for a chat that has none: its first words.
func firstWords(messages []fileMessage) string {
	for _, m := range messages {
		if m.Role == string(chat.User) {
			if t := title(m.Content); t != "" {
				return t
			}
		}
	}
	return ""
}
