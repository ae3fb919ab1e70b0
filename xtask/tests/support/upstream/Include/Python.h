#ifndef Py_PYTHON_H
#define Py_PYTHON_H
#include "pyconfig.h"

struct _object {
    long ob_refcnt;
    void *ob_type;
};

typedef struct {
    struct _object ob_base;
    char flag;
} PyFlagObject;

typedef struct {
    char kind;
    long value;
} PyPair;

int PyEval_Count(void);

#endif
