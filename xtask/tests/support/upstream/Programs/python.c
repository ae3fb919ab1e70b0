/* Plays the interpreter: the machine's python3 runs Lib/driver.py of the prefix this program lies in. */
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

int _Py_InitBuiltins(void);

int main(int argc, char **argv)
{
    char self[4096], driver[5000], number[20];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length < 0) {
        return 99;
    }
    self[length] = 0;
    snprintf(driver, sizeof driver, "%s/../lib/python9.9/driver.py", dirname(self));
    snprintf(number, sizeof number, "%d", _Py_InitBuiltins());
    char **words = calloc(argc + 6, sizeof *words);
    int count = 0;
    words[count++] = "python3";
    words[count++] = "-B";
    words[count++] = driver;
    words[count++] = number;
    for (int i = 0; i < argc; i++) {
        words[count++] = argv[i];
    }
    execvp("python3", words);
    return 98;
}
