# Functions for the commands of docs/deploy-aws.md. For bash or zsh, after ~/ledger-aws.sh, which names the bank.

export REGISTRY=$ACCOUNT.dkr.ecr.$AWS_REGION.amazonaws.com

# One output of a stack of the bank: output_of data SecretKeyArn
output_of() {
    aws cloudformation describe-stacks --stack-name "$BANK-$1" --output text \
        --query "Stacks[0].Outputs[?OutputKey=='$2'].OutputValue"
}

# Starts a task by its name, with more arguments for the CLI, and prints its ARN: run_task console
run_task() {
    local name=$1 network
    shift
    network="subnets=[$(output_of data TasksSubnets)],securityGroups=[$(output_of data CommandsGroup)]"
    aws ecs run-task --cluster "$BANK" --task-definition "$BANK-$name" --launch-type FARGATE \
        --network-configuration "awsvpcConfiguration={$network,assignPublicIp=DISABLED}" \
        --query "tasks[0].taskArn" --output text "$@"
}

# PENDING, RUNNING, STOPPED ...
status_of() {
    aws ecs describe-tasks --cluster "$BANK" --tasks "$1" --output text --query "tasks[0].lastStatus"
}

# The status of the agent that opens a shell in a task.
agent_of() {
    aws ecs describe-tasks --cluster "$BANK" --tasks "$1" --output text \
        --query "tasks[0].containers[0].managedAgents[?name=='ExecuteCommandAgent'].lastStatus"
}

# Prints EMAIL_URL for SMTP_USER and SMTP_PASSWORD at SMTP_HOST, for a pipe.
email_url() {
    python3 - <<'END'
from os import environ
from urllib.parse import quote

user, password = (quote(environ[name], safe="") for name in ("SMTP_USER", "SMTP_PASSWORD"))
print(f"smtp+tls://{user}:{password}@{environ['SMTP_HOST']}:587", end="")
END
}

# Prints the value of a secret without the line feed that the CLI adds, for a pipe: value_of ledger/mail
value_of() {
    aws secretsmanager get-secret-value --secret-id "$1" --output text --query SecretString | tr -d '\n'
}

# Deploys with CDK and the names of the bank: cdk_deploy --all, or one stack. The CLI has other version numbers than
# the library; it must be at least as new as the library in requirements.lock (deploy/aws/tests/test_page.py).
cdk_deploy() {
    local mail given
    mail=$(aws secretsmanager describe-secret --secret-id "$BANK/mail" --query ARN --output text) || return
    given=(-c "account=$ACCOUNT" -c "region=$AWS_REGION" -c "name=$BANK" -c "domain=$DOMAIN" -c "zone_name=$ZONE"
        -c "zone_id=$ZONE_ID" -c "size=$SIZE" -c "database=$DATABASE" -c "mail_secret=$mail"
        -c "alarm_email=$OPERATIONS" -c "image_tag=$TAG")
    [ -z "$SNAPSHOT" ] || given+=(-c "snapshot=$SNAPSHOT")
    (cd deploy/aws && npx aws-cdk@2.1148.1 deploy "$@" "${given[@]}" "${MORE[@]}")
}

# All stacks of the bank.
deploy() {
    cdk_deploy --all
}

# The keys of a bank that starts from a snapshot. Deploy them before the snapshot is copied.
deploy_keys() {
    cdk_deploy Keys
}
