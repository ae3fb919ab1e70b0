# Lets the step that makes a target go wrong, as FAULT says: `hang:TARGET` writes half of the target and waits as long as
# FAULT_FLAG is there, `full:TARGET` writes half of it and fails as on a full disk.
case $FAULT in
"hang:$1")
    printf half > "$1"
    touch "$FAULT_FLAG"
    while [ -e "$FAULT_FLAG" ]; do sleep 0.05; done
    ;;
"full:$1")
    printf half > "$1"
    echo "fatal error: cannot write $1: No space left on device" >&2
    exit 1
    ;;
esac
