# Installs this tree: make install PREFIX=/usr/local, and make uninstall to take it away. DESTDIR stages it elsewhere.
PREFIX ?= /usr/local
TARGET  = $(DESTDIR)$(PREFIX)
FILES   = $(shell find bin share -type f)
# Folders of ours that may be empty afterwards, the innermost first. The rest of the system's tree stays where it is empty, too.
FOLDERS = $(shell find share -mindepth 1 -depth -type d ! -path share/man)

.PHONY: install uninstall caches uncache
install:
	@for f in $(FILES); do \
		mode=644; [ -x "$$f" ] && mode=755; \
		install -D -m $$mode "$$f" "$(TARGET)/$$f" || exit 1; \
	done
	@$(MAKE) --no-print-directory -f $(firstword $(MAKEFILE_LIST)) caches
	@echo "Burble is installed in $(TARGET)."

uninstall:
	@for f in $(FILES); do rm -f "$(TARGET)/$$f"; done
	@$(MAKE) --no-print-directory -f $(firstword $(MAKEFILE_LIST)) caches uncache
	@for d in $(FOLDERS); do rmdir "$(TARGET)/$$d" 2>/dev/null || true; done
	@echo "Burble is gone from $(TARGET). Conversations and models are kept in your home folder."

# The desktop finds icons, file types and the menu entry through caches, where there are any.
caches:
	@[ -z "$(DESTDIR)" ] || exit 0; \
	update-desktop-database -q "$(PREFIX)/share/applications" 2>/dev/null || true; \
	update-mime-database "$(PREFIX)/share/mime" 2>/dev/null || true; \
	gtk-update-icon-cache -q -t "$(PREFIX)/share/icons/hicolor" 2>/dev/null || true

# A cache of nothing is taken away too.
uncache:
	@cd "$(TARGET)/share" 2>/dev/null || exit 0; \
	[ -n "$$(find applications -name '*.desktop' 2>/dev/null)" ] || rm -f applications/mimeinfo.cache; \
	[ -n "$$(find mime/packages -name '*.xml' 2>/dev/null)" ] || rm -rf mime; \
	[ -n "$$(find icons/hicolor -type f ! -name icon-theme.cache 2>/dev/null)" ] || rm -f icons/hicolor/icon-theme.cache
