# Has CPython's make compile the C side as an extension module, with the Rust side in it: as CPython compiles extension modules of its own that
# use its internals. Read after CPython's makefile. For a CPython without hooks, it has in their place what is in src/stock.
#
#   CLINKER_PACKAGE     this folder, from the build tree
#   CLINKER_RUST        the object of the Rust side
#   CLINKER_EXTENSION   the extension module, whose objects lie beside it

CLINKER_FOLDER := $(dir $(CLINKER_EXTENSION))
CLINKER_SOURCES := $(filter-out %/layout.c,$(wildcard $(CLINKER_PACKAGE)/src/c/*.c))
CLINKER_STOCK :=
ifeq ($(wildcard $(srcdir)/Include/internal/pycore_evalhooks.h),)
CLINKER_SOURCES := $(filter-out %/hooks.c %/tell.c %/watch.c %/lazy.c %/consume.c,$(CLINKER_SOURCES))
CLINKER_STOCK := $(wildcard $(CLINKER_PACKAGE)/src/stock/*.c)
endif
CLINKER_OBJECTS := $(CLINKER_SOURCES:$(CLINKER_PACKAGE)/src/c/%.c=$(CLINKER_FOLDER)%.o) \
    $(CLINKER_STOCK:$(CLINKER_PACKAGE)/src/stock/%.c=$(CLINKER_FOLDER)stock-%.o)
CLINKER_EXPORTS := $(CLINKER_PACKAGE)/wheel/extension.map

# Functions of the interpreter are called without a stub between.
CLINKER_CFLAGS := -DPy_BUILD_CORE_MODULE -fno-plt -ffunction-sections -fdata-sections -Wno-sign-compare -I$(CLINKER_PACKAGE)/include \
    $(if $(CLINKER_STOCK),-I$(CLINKER_PACKAGE)/src/c -I$(CLINKER_PACKAGE)/src/stock)

$(CLINKER_EXTENSION): $(CLINKER_OBJECTS) $(CLINKER_RUST) $(CLINKER_EXPORTS)
	$(BLDSHARED) -o $@ $(CLINKER_OBJECTS) $(CLINKER_RUST) -lgcc_s -lm -lpthread -ldl \
	    -Wl,--version-script=$(CLINKER_EXPORTS),--gc-sections,-z,now,--build-id=none,--strip-debug

CLINKER_COMPILE = $(CC) -c $(PY_STDMODULE_CFLAGS) $(CCSHARED) $(CLINKER_CFLAGS) -MMD -MP -o $@ $<

$(CLINKER_FOLDER)%.o: $(CLINKER_PACKAGE)/src/c/%.c $(CLINKER_PACKAGE)/extension.mk $(PYTHON_HEADERS)
	$(CLINKER_COMPILE)

$(CLINKER_FOLDER)stock-%.o: $(CLINKER_PACKAGE)/src/stock/%.c $(CLINKER_PACKAGE)/extension.mk $(PYTHON_HEADERS)
	$(CLINKER_COMPILE)

$(CLINKER_OBJECTS:.o=.d): ;
-include $(CLINKER_OBJECTS:.o=.d)
