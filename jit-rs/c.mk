# Has CPython's make compile the C side of the archive and link it, and the Rust side, into all it makes: so what runs beside compiled code is
# optimized as the interpreter is, in a release build with its profile and at link time. Included before CPython's own rules.
#
#   CLINKER_PACKAGE   this folder, from the build tree
#   CLINKER_RUST      the object of the Rust side
#   CLINKER_LIBRARY   the name of CPython's static library

.DEFAULT_GOAL := all

CLINKER_SOURCES := $(filter-out %/layout.c,$(wildcard $(CLINKER_PACKAGE)/src/c/*.c))
CLINKER_C := $(CLINKER_SOURCES:$(CLINKER_PACKAGE)/src/c/%.c=Modules/clinker/%.o)
CLINKER_LIBS := $(CLINKER_C) $(CLINKER_RUST) -lgcc_s -lm -lpthread -ldl
CLINKER_JOINED := Modules/clinker.o

# Programs that have the table of built-in modules take the objects as libraries of modules.
python Programs/_testembed Programs/_freeze_module _bootstrap_python: $(CLINKER_C) $(CLINKER_RUST)

# Who embeds Python finds them in its library, which shows others what begins with Py alone.
$(CLINKER_LIBRARY): LIBRARY_OBJS += $(CLINKER_JOINED)
$(CLINKER_LIBRARY): $(CLINKER_JOINED)
$(CLINKER_JOINED): $(CLINKER_C) $(CLINKER_RUST)
	ld -r -o $@ $^
	objcopy --wildcard --keep-global-symbol='PyInit_*' --remove-section='.gnu.lto_*' --remove-section='.gnu.debuglto_*' $@

$(CLINKER_C): Modules/clinker/%.o: $(CLINKER_PACKAGE)/src/c/%.c
	@mkdir -p $(@D)
	$(CC) -c $(PY_CORE_CFLAGS) -Wno-sign-compare -I$(CLINKER_PACKAGE)/include -MMD -MP -o $@ $<

# Written with the objects, and no targets of their own.
$(CLINKER_C:.o=.d): ;
-include $(CLINKER_C:.o=.d)
