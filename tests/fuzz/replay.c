/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Feeds each file of the folder to the harness, and each of its first halves too: replay FOLDER */
int
main(int argc, char **argv)
{
  DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
  struct dirent *entry;
  unsigned count = 0;

  if (!folder) {
    fprintf(stderr, "usage: %s FOLDER (a folder that is there)\n", argv[0]);
    return 2;
  }
  while ((entry = readdir(folder))) {
    char path[4096];
    struct stat about;

    snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
    if (stat(path, &about) < 0 || !S_ISREG(about.st_mode))
      continue;
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc((size_t)about.st_size + 1);
    const size_t size = file && bytes ? fread(bytes, 1, (size_t)about.st_size, file) : 0;

    for (size_t part = size;; part /= 2) {
      /* In an allocation of exactly its size, so that the sanitizer sees a byte read beyond it. */
      uint8_t *exact = malloc(part ? part : 1);

      if (part)
        memcpy(exact, bytes, part);
      LLVMFuzzerTestOneInput(exact, part);
      free(exact);
      if (!part)
        break;
    }
    free(bytes);
    if (file)
      fclose(file);
    count++;
  }
  closedir(folder);
  printf("%u files of %s\n", count, argv[1]);
  return count ? 0 : 1;
}
