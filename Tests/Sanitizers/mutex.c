// Shows ThreadSanitizer the contended half of Swift's Mutex.
//
// On Linux `Synchronization.Mutex` is a futex. Its fast path is compiled into the caller, where ThreadSanitizer sees the
// atomic operation; its slow path is in libswiftSynchronization, which is not instrumented. A lock that was waited for
// looks as if nobody had taken it, and every access under it like a race. This library is preloaded, stands in front of
// the two slow functions and says what they do. Real races are found as before.
//
// The names are those of Swift 6's ABI: `_MutexHandle._lockSlow(_: UInt32)` and `_MutexHandle._unlockSlow()`.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"
#define HANDLE __attribute__((swift_context)) void *handle

typedef __attribute__((swiftcall)) void LockSlow(uint32_t thread, HANDLE);
typedef __attribute__((swiftcall)) void UnlockSlow(HANDLE);

// Absent in processes without the sanitizer that inherit the preloading.
__attribute__((weak)) void __tsan_acquire(void *address);
__attribute__((weak)) void __tsan_release(void *address);

LockSlow lock_slow __asm__(LOCK);
UnlockSlow unlock_slow __asm__(UNLOCK);

static void *next(const char *name) {
    void *function = dlsym(RTLD_NEXT, name);
    if (!function) abort();
    return function;
}

__attribute__((swiftcall)) void lock_slow(uint32_t thread, HANDLE) {
    ((LockSlow *)next(LOCK))(thread, handle);
    if (__tsan_acquire) __tsan_acquire(handle);
}

__attribute__((swiftcall)) void unlock_slow(HANDLE) {
    if (__tsan_release) __tsan_release(handle);
    ((UnlockSlow *)next(UNLOCK))(handle);
}
