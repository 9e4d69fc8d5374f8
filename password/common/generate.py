"""Writes passwords.txt: the passwords of 8 or more characters, sorted, one a line.

The source is the list of @zxcvbn-ts/language-common 4.1.3 (MIT, see LICENSE.txt), 49,233
passwords in lower case, which that project maintains. Shorter ones are left out because
no policy allows them.

    npm pack @zxcvbn-ts/language-common@4.1.3
    tar xzf zxcvbn-ts-language-common-4.1.3.tgz
    python3 generate.py package/src/passwords.json > passwords.txt
"""

import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    passwords = json.load(file)
print("\n".join(sorted(password for password in passwords if len(password) >= 8)))
