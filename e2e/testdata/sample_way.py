"""What AWS's sample does, without its faults: GetClip for one piece of three minutes after the
other, then ffmpeg. A peer for measurements; nothing of the sample's text is in it.

usage: sample_way.py STREAM FROM TO OUT    (times in epoch seconds, PRODUCER_TIMESTAMP)
"""

import os
import subprocess
import sys
import tempfile

import boto3
from botocore.exceptions import ClientError

stream, begin, end, out = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
control = boto3.client("kinesisvideo", endpoint_url=os.environ.get("AWS_ENDPOINT_URL"))
endpoint = control.get_data_endpoint(StreamName=stream, APIName="GET_CLIP")["DataEndpoint"]
media = boto3.client("kinesis-video-archived-media", endpoint_url=endpoint)
with tempfile.TemporaryDirectory() as folder:
    clips = []
    for start in range(begin, end, 180):
        window = {"StartTimestamp": start, "EndTimestamp": min(start + 180, end) - 1}
        try:
            answer = media.get_clip(
                StreamName=stream,
                ClipFragmentSelector={"FragmentSelectorType": "PRODUCER_TIMESTAMP", "TimestampRange": window},
            )
        except ClientError as e:
            if e.response["Error"]["Code"] == "ResourceNotFoundException":
                continue
            raise
        clips.append(os.path.join(folder, f"{start}.mp4"))
        with open(clips[-1], "wb") as f:
            f.write(answer["Payload"].read())
    names = os.path.join(folder, "list.txt")
    with open(names, "w", encoding="utf-8") as f:
        f.writelines(f"file '{c}'\n" for c in clips)
    subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "concat", "-safe", "0", "-i", names, "-c", "copy", out],
        check=True,
    )
