#include "pyconfig.h"

struct _object {
    long ob_refcnt;
    void *ob_type;
};

typedef struct {
    struct _object ob_base;
    char flag;
} PyFlagObject;

int PyEval_Count(void);
